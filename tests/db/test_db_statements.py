"""Reading SQL: parameters, PostgreSQL's placeholder style, the tenancy guard, names for metrics."""

from __future__ import annotations

import pytest

from csms.db.statements import Statements, Unscoped, percent_style, short_name


@pytest.mark.parametrize(
    ("sql", "rewritten"),
    [
        ("SELECT :a, :b_2", "SELECT %(a)s, %(b_2)s"),
        ("SELECT x::text, :a::bigint", "SELECT x::text, %(a)s::bigint"),
        ("SELECT ':a', 'it''s :b', :c", "SELECT ':a', 'it''s :b', %(c)s"),
        ("SELECT 5 % 2, 'ten %', :a", "SELECT 5 %% 2, 'ten %%', %(a)s"),
        ('SELECT ":a" FROM "b%"', 'SELECT ":a" FROM "b%%"'),
        ("SELECT 1 -- :a isn't one, 5%\n, :b", "SELECT 1 -- :a isn't one, 5%%\n, %(b)s"),
        ("SELECT 1 /* :a\n 'x */ , :b", "SELECT 1 /* :a\n 'x */ , %(b)s"),
        ("SELECT json->>'a:b', :c", "SELECT json->>'a:b', %(c)s"),
    ],
)
def test_named_parameters_become_psycopgs(sql: str, rewritten: str) -> None:
    assert percent_style(sql) == (rewritten, ())


def test_a_comparison_with_null_is_a_parameter_of_its_own() -> None:
    sql, tests = percent_style("WHERE (:a IS NULL OR a = :a) AND :b is not\n null AND c IS NULL")
    assert sql == "WHERE (%(a is null)s = 1 OR a = %(a)s) AND %(b is null)s = 0 AND c IS NULL"
    assert tests == ("a", "b")


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT a FROM b JOIN c", "select b"),
        ("INSERT INTO events (a) VALUES (1)", "insert events"),
        ("UPDATE tokens SET a = 1", "update tokens"),
        ("DELETE FROM frames WHERE id IN (SELECT id FROM x)", "delete frames"),
        ("SELECT x FROM (SELECT y FROM z) q", "select z"),
        ("-- from nowhere\nSELECT 'from literal' FROM real", "select real"),
        ("SELECT 1", "select"),
        ("", "empty"),
    ],
)
def test_short_names(sql: str, name: str) -> None:
    assert short_name(sql) == name


@pytest.fixture
def statements() -> Statements:
    return Statements({"notes", "tokens"}, percent=False)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM notes",
        "SELECT * FROM other, NOTES n",
        'DELETE FROM "notes"',
        "UPDATE notes SET a = ':tenant'",
        "SELECT 1 FROM other WHERE EXISTS (SELECT 1 FROM tokens) -- :tenant",
        "WITH x AS (SELECT 1 FROM notes) SELECT * FROM x",
    ],
)
def test_a_statement_on_tenants_data_must_use_the_tenant(statements: Statements, sql: str) -> None:
    with pytest.raises(Unscoped, match=r"without :tenant.*tx\.system"):
        statements.learn(sql, scoped=True)
    assert sql not in statements.scoped
    statements.learn(sql, scoped=False)


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM notes WHERE tenant = :tenant", "SELECT * FROM other", "SELECT 'notes' AS a", "SELECT 1 -- notes"]
)
def test_other_statements_pass(statements: Statements, sql: str) -> None:
    statements.learn(sql, scoped=True)
    assert sql in statements.scoped


def test_composed_texts_do_not_pile_up(statements: Statements) -> None:
    for number in range(5_000):
        statements.learn(f"SELECT {number}", scoped=True)
    assert len(statements.system) <= 2_000
    assert len(statements.scoped) <= 2_000

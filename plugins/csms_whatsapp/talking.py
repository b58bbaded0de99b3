"""What drivers may say, and what they are answered: START, STOP, STATUS and BALANCE, in English and Hindi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from csms.hooks import ChargerTold, CsmsError, Funds, KnownDriver, NotFound, PluginContext, Refused, RunningCharge, written

START, STOP, STATUS, BALANCE, HELP = "start", "stop", "status", "balance", "help"
COMMANDS: Mapping[str, str] = {
    "start": START,
    "stop": STOP,
    "status": STATUS,
    "balance": BALANCE,
    "help": HELP,
    "शुरू": START,
    "बंद": STOP,
    "स्थिति": STATUS,
    "शेष": BALANCE,
    "मदद": HELP,
}

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "stranger": "This number belongs to no driver here. Add it to your profile in the app first.",
        "help": "Write START and the code at the connector, STOP, STATUS or BALANCE.",
        "no_code": "Which connector? Write START and the code that stands beneath its QR code.",
        "started": "Charging starts (no. {id}). Plug in if you have not yet. Write STOP to end it.",
        "asked": "The charger was asked (no. {id}) and has not answered yet.",
        "start_refused": "It does not start: {why}.",
        "stopped": "Charging ends (no. {id}).",
        "stop_refused": "The charger does not stop no. {id}: {why}. Unlock the car to end it there.",
        "nothing": "You are not charging.",
        "charge": "No. {id} at {where}: {kwh} kWh{cost}.",
        "cost": ", {money} so far",
        "balance": "Available: {available} (balance {balance}{held}{owed}).",
        "held": ", {money} of it held",
        "owed": ", {money} owed",
        "failed": "That did not work just now. Please try again.",
    },
    "hi": {
        "stranger": "यह नंबर यहाँ किसी ड्राइवर का नहीं है। पहले इसे ऐप में अपनी प्रोफ़ाइल में जोड़ें।",
        "help": "START और कनेक्टर का कोड, STOP, STATUS या BALANCE लिखें।",
        "no_code": "कौन-सा कनेक्टर? START और उसके QR कोड के नीचे लिखा कोड भेजें।",
        "started": "चार्जिंग शुरू हो रही है (क्र. {id})। केबल लगाएँ। बंद करने के लिए STOP लिखें।",
        "asked": "चार्जर से कहा गया है (क्र. {id}), उत्तर अभी नहीं आया।",
        "start_refused": "शुरू नहीं हुआ: {why}.",
        "stopped": "चार्जिंग बंद हो रही है (क्र. {id})।",
        "stop_refused": "चार्जर क्र. {id} को बंद नहीं करता: {why}. वाहन अनलॉक करके बंद करें।",
        "nothing": "आप अभी चार्ज नहीं कर रहे हैं।",
        "charge": "क्र. {id}, {where}: {kwh} kWh{cost}।",
        "cost": ", अब तक {money}",
        "balance": "उपलब्ध: {available} (शेष {balance}{held}{owed})।",
        "held": ", जिसमें {money} रोका हुआ",
        "owed": ", {money} देय",
        "failed": "अभी यह नहीं हो सका। कृपया फिर प्रयास करें।",
    },
}


def words_of(language: str) -> Mapping[str, str]:
    """The words of a language, English where it is not known."""
    return WORDS.get(language.partition("-")[0].lower(), WORDS["en"])


@attrs.frozen(slots=True)
class Said:
    """A command and what comes with it; ``command`` is ``""`` for what is none."""

    command: str
    rest: str


def understood(text: str) -> Said:
    """What somebody wants: the first word says it, in any case."""
    first, _, rest = text.strip().partition(" ")
    return Said(COMMANDS.get(first.strip(".,!").casefold(), ""), rest.strip())


async def answer(context: PluginContext, phone: str, text: str) -> str:
    """Do what a driver wrote, and what to answer. Raises ``StoreUnavailable``."""
    driver = await context.driving.by_phone(phone)
    if driver is None:
        return WORDS["en"]["stranger"]
    words = words_of(driver.language)
    said = understood(text)
    try:
        match said.command:
            case "start":
                return await _start(context, driver, words, said.rest)
            case "stop":
                return _stopped(words, await context.driving.stop(driver))
            case "status":
                return _running(words, await context.driving.running(driver))
            case "balance":
                return _funds(words, await context.ledger.funds(driver.driver_id, tenant=driver.tenant))
    except (NotFound, Refused) as error:
        return words["start_refused"].format(why=error) if said.command == START else words["failed"]
    except CsmsError as error:
        context.log.warning("whatsapp.command_failed", command=said.command, reason=str(error))
        return words["failed"]
    return words["help"]


async def _start(context: PluginContext, driver: KnownDriver, words: Mapping[str, str], code: str) -> str:
    if not code:
        return words["no_code"]
    told = await context.driving.start(driver, code)
    if told.accepted is False:
        return words["start_refused"].format(why=told.status)
    return words["started" if told.accepted else "asked"].format(id=told.transaction_id)


def _stopped(words: Mapping[str, str], told: Sequence[ChargerTold]) -> str:
    if not told:
        return words["nothing"]
    return "\n".join(
        words["stop_refused" if each.accepted is False else "stopped" if each.accepted else "asked"].format(
            id=each.transaction_id, why=each.status
        )
        for each in told
    )


def _running(words: Mapping[str, str], charges: Sequence[RunningCharge]) -> str:
    if not charges:
        return words["nothing"]
    lines = []
    for each in charges:
        cost = words["cost"].format(money=each.cost) if each.cost is not None else ""
        where = each.station_name or each.charger_id
        lines.append(
            words["charge"].format(id=each.transaction_id, where=where, kwh=f"{(each.energy_wh or 0) / 1000:.2f}", cost=cost)
        )
    return "\n".join(lines)


def _funds(words: Mapping[str, str], funds: Funds) -> str:
    def money(amount_minor: int) -> str:
        return written(amount_minor, funds.currency)

    return words["balance"].format(
        available=money(funds.available_minor),
        balance=money(funds.balance_minor),
        held=words["held"].format(money=money(funds.held_minor)) if funds.held_minor else "",
        owed=words["owed"].format(money=money(funds.owed_minor)) if funds.owed_minor else "",
    )

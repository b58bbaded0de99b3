"""What this slice needs of the configuration."""

from __future__ import annotations

from typing import Protocol


class FileSettings(Protocol):
    """The section ``[files]``."""

    @property
    def max_image_bytes(self) -> int:
        """The largest firmware image that may be uploaded."""
        ...

    @property
    def firmware_limit_s(self) -> int:
        """How long a firmware update may take."""
        ...

    @property
    def upload_limit_s(self) -> int:
        """How long diagnostics or a log are waited for."""
        ...

    @property
    def uploads_days(self) -> int:
        """Days that diagnostics and logs are kept; 0 keeps all."""
        ...


class UpkeepSettings(Protocol):
    """The section ``[upkeep]``."""

    @property
    def apply_configuration(self) -> bool:
        """Whether chargers are told what is wanted of their configuration as soon as it differs."""
        ...

    @property
    def check_configuration_s(self) -> int:
        """How often a charger of which something is wanted is asked whether it has it."""
        ...

    @property
    def status_wait_s(self) -> int:
        """How long a charger may take to show that it goes in or out of service."""
        ...

    @property
    def reset_limit_s(self) -> int:
        """How long a reset may take until the charger boots."""
        ...

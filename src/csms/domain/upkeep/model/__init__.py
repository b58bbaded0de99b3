"""Nouns and events of the upkeep slice, one module per noun."""

from __future__ import annotations

from .availability import Availability, AvailabilityChanged, Window
from .campaigns import CAMPAIGN_STATES, Campaign, CampaignWish, FirmwareCampaignAborted, Member, campaign_key
from .configuration import ConfigurationApplied, ConfigurationDrifted, Template
from .firmware import (
    OPEN_UPDATE_STATES,
    UPDATE_STATES,
    FirmwareUpdate,
    FirmwareUpdateChanged,
    Image,
    UpdateWish,
    image_key,
)
from .resets import ChargerReset
from .settings import FileSettings, UpkeepSettings
from .uploads import KINDS, UPLOAD_STATES, LogFile, LogUpload, LogUploadChanged, UploadWish

__all__ = [
    "CAMPAIGN_STATES",
    "KINDS",
    "OPEN_UPDATE_STATES",
    "UPDATE_STATES",
    "UPLOAD_STATES",
    "Availability",
    "AvailabilityChanged",
    "Campaign",
    "CampaignWish",
    "ChargerReset",
    "ConfigurationApplied",
    "ConfigurationDrifted",
    "FileSettings",
    "FirmwareCampaignAborted",
    "FirmwareUpdate",
    "FirmwareUpdateChanged",
    "Image",
    "LogFile",
    "LogUpload",
    "LogUploadChanged",
    "Member",
    "Template",
    "UpdateWish",
    "UpkeepSettings",
    "UploadWish",
    "Window",
    "campaign_key",
    "image_key",
]

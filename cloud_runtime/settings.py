"""Settings from flags, the environment and a file, in that order of precedence, into a ServerConfig.

Needs pydantic-settings, of the cloud extra. The table of settings is ServerConfig's own.
"""

from __future__ import annotations

import argparse
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, get_type_hints

import pydantic
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError

ENV_PREFIX = "PHASEKEY_"
_REQUIRED = "model_repository"


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
    )


def _field(item: Field[Any], kind: Any) -> Any:
    """Turn a field of the table into pydantic's; one that has to be given is open here, and checked last."""
    text = item.metadata.get("help", "")
    if item.name == _REQUIRED:
        return Path | None, pydantic.Field(None, description=text)
    if item.default_factory is not MISSING:
        return kind, pydantic.Field(default_factory=item.default_factory, description=text)
    return kind, pydantic.Field(item.default, description=text)


_HINTS = get_type_hints(ServerConfig)
Settings: type[_Settings] = pydantic.create_model(
    "Settings",
    __base__=_Settings,
    **{item.name: _field(item, _HINTS[item.name]) for item in fields(ServerConfig)},
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Give a parser a flag for each setting, and ``--config``."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="TOML file of settings, NAME = VALUE a line"
    )
    CliSettingsSource[Any](Settings, root_parser=parser, cli_hide_none_type=True)


def read_settings(flags: argparse.Namespace) -> ServerConfig:
    """Read what the flags leave open from the environment, then from the file, then the defaults.

    Args:
        flags: what a parser that add_flags() equipped has parsed.

    Raises:
        CloudRuntimeError: a value that makes no sense, an unknown name in the file, no model repository.
    """
    given = {name: value for name, value in vars(flags).items() if value is not None}
    path = given.pop("config", None)
    if path is not None and not path.is_file():
        raise CloudRuntimeError(f"Settings file {path}: there is no such file.")

    class Sourced(Settings):  # type: ignore[valid-type,misc]
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            flag_source: CliSettingsSource[Any] = CliSettingsSource(
                settings_cls, root_parser=argparse.ArgumentParser()
            )
            flag_source(parsed_args=given)
            environment = EnvSettingsSource(settings_cls)
            return flag_source, environment, TomlConfigSettingsSource(settings_cls, path)

    try:
        values = Sourced().model_dump()
    except (pydantic.ValidationError, ValueError) as error:
        raise CloudRuntimeError(_explain(error)) from error
    if values[_REQUIRED] is None:
        raise CloudRuntimeError(
            "A model repository is needed: --model-repository DIR, "
            f"{ENV_PREFIX}MODEL_REPOSITORY, or the file."
        )
    return ServerConfig(**values)


def _explain(error: Exception) -> str:
    """Say which setting is wrong, without its value: environments hold secrets."""
    if not isinstance(error, pydantic.ValidationError):
        return f"The settings cannot be read ({type(error).__name__}): check the file's syntax."
    lines = (
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)
    )
    return "The settings make no sense. " + "; ".join(lines)

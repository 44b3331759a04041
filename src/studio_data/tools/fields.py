"""The types of the arguments that name a state of a client or project."""

from typing import Annotated

from studio_data.contract.fields import choice
from studio_data.tools.rules.lifecycles import ClientStatus, ProjectPhase, ProjectType

type ClientStatusName = Annotated[ClientStatus | str, *choice(ClientStatus)]
"""A status of a client, or its string."""

type ProjectPhaseName = Annotated[ProjectPhase | str, *choice(ProjectPhase)]
"""A phase of a project, or its string."""

type ProjectTypeName = Annotated[ProjectType | str, *choice(ProjectType)]
"""A type of project, or its string."""

"""What the calls of the examples may need to be there already."""

from functools import cached_property

from studio_data.tools.clients import Client, create_client, record_screening
from studio_data.tools.projects import Project, create_project


class Practice:
    """What a call may need to be there already. Each part is made when an example first asks for it."""

    @classmethod
    def whole(cls) -> "Practice":
        """Return one in which every part is made."""
        practice = cls()
        for name, part in vars(cls).items():
            if isinstance(part, cached_property):
                getattr(practice, name)
        return practice

    @cached_property
    def client(self) -> Client:
        return create_client("David & Linh Nguyen", email="linh@example.com", source="referral")

    @cached_property
    def screened_client(self) -> Client:
        return record_screening(self.client["id"], {"style": "modern", "budget_range": "90k-110k"})

    @cached_property
    def project(self) -> Project:
        return create_project(self.client["id"], "Nguyen LR/DR/MBED", "furnishings")["project"]

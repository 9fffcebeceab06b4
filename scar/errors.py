"""What can go wrong, as a tree.

ScarError                every failure that is expected; the CLI prints one line and exits 2
├── InputError           a file, record, image or option that cannot be used; names place, value and way out
├── RecipeError          a recipe or a source table that does not validate
└── AccountingError      records read and records accounted for differ: a bug worth reporting, nothing is published
"""


class ScarError(Exception):
    """Something the user can act on; the message names the place, the value and the way out."""


class InputError(ScarError):
    """A file, a record in it, an image or an option that cannot be used."""


class RecipeError(ScarError):
    """A recipe that does not validate."""


class AccountingError(ScarError):
    """Records read and records accounted for differ."""

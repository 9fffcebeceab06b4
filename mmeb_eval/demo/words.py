"""What is said of a picture: captions, headlines, dialogues, articles."""

from __future__ import annotations

from mmeb_eval.demo.pictures import Picture
from mmeb_eval.demo.question import NUMBERS
from scar.language.english import a


def all_things(picture: Picture) -> str:
    """A caption of everything: "A red star and a blue ring on a beach."."""
    return f"{listed(picture)} {picture.scene.place}."


def headline(picture: Picture) -> str:
    """Place, number of things, and one of them; two pictures of one place may share it only if all three agree."""
    return (
        f"{start(picture.scene.label)}: {NUMBERS[len(picture.things)]} shapes, {a(picture.things[0].name)} among them."
    )


def dialogue(picture: Picture) -> str:
    """Questions and answers about the picture."""
    asked = [("where is it", picture.scene.place), ("how many shapes are there", NUMBERS[len(picture.things)])]
    asked += [(f"is there {a(thing.name)}", "yes") for thing in picture.things[:2]]
    return "\n".join(f"Q:{question}\nA:{answer}" for question, answer in asked)


def question_of(picture: Picture) -> str:
    """What the picture answers."""
    return f"Which {picture.scene.label} has {listed(picture)[0].lower()}{listed(picture)[1:]}?"


def title(picture: Picture) -> str:
    """What stands beside the picture: its place."""
    return f"{start(picture.scene.view)}."


def article(entry: Picture) -> str:
    """What an encyclopedia says of a portrait's thing."""
    (thing,) = entry.things
    return f"{start(thing.name)}. It is {a(thing.shape)} painted {thing.colour}."


def listed(picture: Picture) -> str:
    *names, last = [a(thing.name) for thing in picture.things]
    return start(f"{', '.join(names)} and {last}")


def start(text: str) -> str:
    return text[0].upper() + text[1:]

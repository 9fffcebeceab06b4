"""Texts about a picture: captions, headlines, dialogues, articles."""

from __future__ import annotations

from mmeb_eval.demo.pictures import DemoPicture
from mmeb_eval.demo.question import NUMBER_WORDS
from scar.language.english import with_article


def describe_things(picture: DemoPicture) -> str:
    """A caption that names all things and the scene: "A red star and a blue ring on a beach."."""
    return f"{list_things(picture)} {picture.scene.location}."


def write_headline(picture: DemoPicture) -> str:
    """A headline that names the scene, the number of things and the first thing."""
    count, first = NUMBER_WORDS[len(picture.things)], with_article(picture.things[0].name)
    return f"{capitalise_first(picture.scene.label)}: {count} shapes, {first} among them."


def write_dialogue(picture: DemoPicture) -> str:
    """A dialogue of questions and answers about a picture."""
    asked = [("where is it", picture.scene.location), ("how many shapes are there", NUMBER_WORDS[len(picture.things)])]
    asked += [(f"is there {with_article(thing.name)}", "yes") for thing in picture.things[:2]]
    return "\n".join(f"Q:{question}\nA:{answer}" for question, answer in asked)


def write_question(picture: DemoPicture) -> str:
    """A question that a picture answers: "Which beach has a red star and a blue ring?"."""
    return f"Which {picture.scene.label} has {list_things(picture)[0].lower()}{list_things(picture)[1:]}?"


def write_title(picture: DemoPicture) -> str:
    """A title that names the scene of a picture."""
    return f"{capitalise_first(picture.scene.description)}."


def write_article(portrait: DemoPicture) -> str:
    """A short encyclopedia article about the only thing of a portrait."""
    (thing,) = portrait.things
    return f"{capitalise_first(thing.name)}. It is {with_article(thing.shape)} painted {thing.colour}."


def list_things(picture: DemoPicture) -> str:
    """The names of all things in a picture of two or more: "A red star and a blue ring"."""
    *names, last = [with_article(thing.name) for thing in picture.things]
    return capitalise_first(f"{', '.join(names)} and {last}")


def capitalise_first(text: str) -> str:
    """A text with its first letter in upper case, the others as they are; the text must not be empty."""
    return text[0].upper() + text[1:]

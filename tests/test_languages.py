"""Sets of strings as automata: against ``re`` itself, and against trying all short strings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mega_typed.languages import Expression, Folded, Language, Order, _characters, any_text, sample
from mega_typed.match import PredicateFailed, match, matches
from mega_typed.regexes import BoundedMatch, TextTooLong, why_unbounded

LETTERS = "ab1 \n-A"
TEXTS = ["".join(letters) for length in range(4) for letters in product(LETTERS, repeat=length)]

PIECES = [
    "a", "b", ".", "[ab]", "[^a]", "[^a-z\\d]", r"\d", r"\w", r"\W", r"\s", "(a|b)", "(ab|1)", "\n", "(?i:A)", "(?s:.)",
    "(?i:[^b])", "(?:b(?i:a)|)",
]  # fmt: skip
ASSERTIONS = ["^", "$", r"\b", r"\B", r"\A", r"\Z", "(?m:^)", "(?m:$)"]
REPETITIONS = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "*?", "{0}", "{2,}"]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 0) -> str:
    """A regular expression of what automata can say."""
    text = ""
    for _ in range(draw(st.integers(1, 4))):
        if draw(st.booleans()) or depth > 2:
            piece = draw(st.sampled_from(PIECES))
        else:
            piece = f"({draw(expressions(depth + 1))})"
        text += piece + draw(st.sampled_from(REPETITIONS))
        if draw(st.integers(0, 3)) == 0:
            text += draw(st.sampled_from(ASSERTIONS))
    return text + (f"|{draw(expressions(depth + 1))}" if depth < 2 and draw(st.integers(0, 4)) == 0 else "")


compiled = expressions().map(re.compile)


@given(compiled, st.lists(st.text(LETTERS, max_size=8), min_size=20, max_size=20), st.booleans())
def test_an_automaton_is_the_expression(regex: re.Pattern[str], texts: list[str], search: bool) -> None:
    """An automaton matches the texts that ``re`` matches, at the start or anywhere."""
    language = Expression(regex, search=search)
    find: Callable[[str], object] = regex.search if search else regex.match
    assert language.exact
    trusted = max(0, BoundedMatch(regex).longest)  # beyond it ``re`` may try for ever
    for text in texts:
        assert language.matches(text[:trusted]) == (find(text[:trusted]) is not None)


@pytest.mark.parametrize(
    ("regex", "text", "exact"),
    [
        (r"(?=b)a", "a", False),
        (r"(a)\1", "ab", False),
        (r"a*+b", "aab", False),
        (r"(?>a|ab)", "ab", False),
        (r"(a)?(?(1)b|c)", "ab", False),
        (r"(a{1000}){1000}", "b", False),
        (r"\w\d\s", "\u00e9\u0663\u2003", True),
        (r"(?a)\w", "\u00e9", True),
        (r"(?i)stra\u1e9ee", "STRA\u00dfE", True),
        (r"(?i)k", "\u212a", True),
        (r"[^\W\d_]+$", "\u00e9t\u00e9", True),
        (r"", "", True),
    ],
)
def test_what_no_automaton_can_say_is_a_larger_set(regex: str, text: str, exact: bool) -> None:
    """Beyond automata the set is larger, never smaller, and says so; Unicode means what it means to ``re``."""
    language = Expression(re.compile(regex))
    assert language.exact == exact
    assert language.matches(text) == (True if not exact else re.match(regex, text) is not None)


def tried(inside: list[Callable[[str], object]], outside: list[Callable[[str], object]]) -> Iterator[str]:
    return (text for text in TEXTS if all(f(text) for f in inside) and not any(f(text) for f in outside))


@settings(max_examples=25)
@given(st.lists(compiled, min_size=1, max_size=2), st.lists(compiled, max_size=2), st.integers(0, 2), st.integers(0, 1))
def test_a_common_text_is_found_when_there_is_one(
    inside: list[re.Pattern[str]], outside: list[re.Pattern[str]], shortest: int, more: int
) -> None:
    """No is said of no set that has a text; yes of none without, but for texts of other letters."""
    longest = shortest + more
    found = any(
        shortest <= len(text) <= longest for text in tried([r.match for r in inside], [r.match for r in outside])
    )
    answer = any_text([Expression(r) for r in inside], [Expression(r) for r in outside], shortest, longest)
    assert answer or not found


@pytest.mark.parametrize(
    ("inside", "outside", "shortest", "longest", "possible"),
    [
        (["^a"], ["^a"], 0, None, False),
        (["^a*$"], ["^(aa)*$"], 0, None, True),
        (["^(aa)*$"], ["^a*$"], 0, None, False),
        (["^(aa)+$"], [], 3, 3, True),  # with a final line feed
        (["^(aa)+\\Z"], [], 3, 3, False),
        (["^(aa)+\\Z"], [], 1001, 1001, False),
        (["^(aa)+\\Z"], [], 1000, 1001, True),
        (["^[A-Z]{3}$", r".*\d"], [], 0, None, False),
        ([r"\d+$", r"[0-9]*[^0-9\n]"], [], 0, None, True),
        ([r"(?a:\d)+$", r"[0-9]*[^0-9\n]"], [], 0, None, False),
        ([r"[\ud800-\udfff]"], [], 0, None, False),
    ],
)
def test_texts_that_cannot_be(
    inside: list[str], outside: list[str], shortest: int, longest: int | None, possible: bool
) -> None:
    """Emptiness is seen through lengths, negation, Unicode and surrogates, which no message can hold."""
    languages = [[Expression(re.compile(text)) for text in texts] for texts in (inside, outside)]
    assert any_text(languages[0], languages[1], shortest, longest) == possible


def test_a_caseless_text_among_classes_of_characters() -> None:
    """It tells apart the characters that it has, and no others: the many ranges of a class are not searched each."""
    words = Expression(re.compile(r"\W{30}"))
    assert not any_text([words], [words, Folded("ab")], 0, None)


@given(st.text(LETTERS + "ß\u017f", max_size=3), st.text(LETTERS + "ß\u017fsS", max_size=4))
def test_orders_and_caseless_equality(bound: str, text: str) -> None:
    """An order is Python's on strings, and a caseless equality is that of ``casefold``."""
    languages: list[tuple[Language, bool]] = [
        (Order(bound, less=True), text < bound),
        (Order(bound, greater=True, equal=True), text >= bound),
        (Order(bound, equal=True), text == bound),
        (Folded(bound), text.casefold() == bound.casefold()),
    ]
    for language, expected in languages:
        state = language.start
        for character in text:
            state = language.step(state, language.kind(ord(character))) if state is not None else None
        assert (state is not None and language.accepts(state)) == expected


def test_a_caseless_text_of_another_length() -> None:
    """All spellings of a folded text are found, also those of another length."""
    assert any_text([Folded("STRASSE")], [], 6, 6)
    assert not any_text([Folded("STRASSE")], [], 8, 8)
    assert not any_text([Folded("abc"), Expression(re.compile("[^aA]"))], [], 0, None)


@given(compiled)
def test_a_sample_saves_the_search(regex: re.Pattern[str]) -> None:
    """A sample is made without an error, however odd the expression."""
    assert isinstance(sample(regex), str)


@given(compiled, st.text(LETTERS, max_size=8))
def test_a_bounded_match_is_the_match(regex: re.Pattern[str], text: str) -> None:
    """Whoever decides, ``re`` or the automaton, the answer is that of ``re``."""
    bounded = BoundedMatch(regex)
    assert bounded(text) == (regex.match(text) is not None)
    bounded.longest = -1
    assert bounded(text) == (regex.match(text) is not None)


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        (r"(a+)+$", "a" * 5000 + "b"),
        (r"(a|a)*$", "a" * 5000 + "b"),
        (r".*a.*b.*c.*d$", "a" * 5000),
        (r"(\w+\s?)*$", "word " * 2000 + "!"),
        (r"(a?){25}a{25}$", "a" * 24),
        ("(a|aa)" * 40 + "b", "a" * 80),
        ("a?" * 40 + "a" * 40 + "b", "a" * 80),
        ("a{0,300}" * 3 + "b", "a" * 3000),
    ],
)
def test_no_text_of_a_stranger_makes_an_expression_explode(regex: str, text: str) -> None:
    """Expressions that take ``re`` for ever are decided; a hang would be the failure."""
    assert not matches(match(regex), text)


def test_a_text_that_is_too_long_for_look_around_is_a_defect() -> None:
    """Where no automaton can take over, a text that would cost too much is reported as a predicate that raises is."""
    regex = re.compile(r"(?!x).*a.*b.*c")
    assert not BoundedMatch(regex)("a" * 100)
    with pytest.raises(TextTooLong, match="without look-around"):
        BoundedMatch(regex)("a" * 1000)
    with pytest.raises(PredicateFailed):
        matches(match(regex), "a" * 1000)


def test_an_expression_too_large_for_an_automaton_is_trusted_as_one_that_looks_around() -> None:
    """Where no automaton can be built for its size, ``re`` decides what it can bear, and the rest is a defect."""
    regex = re.compile("a{0,3000}" * 3 + "b")
    assert BoundedMatch(regex)("a" * 200 + "b")
    with pytest.raises(TextTooLong):
        BoundedMatch(regex)("a" * 3000)


def test_an_automaton_that_is_led_to_ever_new_states_gives_up() -> None:
    """A text that moves too many threads is a defect, and no hang: its cost is that of the text times the states."""
    text = "".join(Random(1).choices("ac", k=200_000))
    with pytest.raises(TextTooLong):
        BoundedMatch(re.compile(".*a.{900}.*b"))(text)


@pytest.mark.parametrize("flags", ["(?i)", "(?ia)"])
def test_case_is_what_it_is_to_re(flags: str) -> None:
    """Of all characters with a case, the automaton takes those for the same that ``re`` does: İ and i, Å and å, θ and ϴ."""
    cased = [c for c in map(chr, range(0x110000)) if not c.lower() == c.upper() == c]
    text = "".join(cased)
    for character in cased:
        regex = re.compile(flags + character)
        same = _characters("LITERAL", ord(character), regex.flags)
        found = "".join(chr(point) for low, high in same for point in range(low, high + 1))
        assert found == "".join(sorted(regex.findall(text)))


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        (r"(?a:\b.\b)", "é"),
        (r"a\b(?a:\B)é", "aé"),
        (r"a\B(?a:\b)é", "aé"),
        (r"(?a:a\b)\Bé", "aé"),
        (r"(?a)\w(?u:\w)", "aé"),
        (r"(?a)\w(?u:\w)", "éa"),
        (r"(?ia)k(?u:k)", "kK"),
        (r"(?ia)k(?u:k)", "KK"),
    ],
)
def test_a_word_is_what_its_part_of_the_expression_says(regex: str, text: str) -> None:
    """Where parts of an expression have flags of their own, a word and its ends are theirs."""
    language = Expression(re.compile(regex))
    assert language.exact
    assert language.matches(text) == (re.match(regex, text) is not None)


def test_a_caseless_automaton_is_built_at_once() -> None:
    """The spellings of a set of characters are looked up once, however often the set stands in the expression."""
    started = process_time()
    assert Expression(re.compile(r"(?i)(?:\w{0,70}){0,40}x")).exact
    assert process_time() - started < 5


@pytest.mark.parametrize(
    ("regex", "bounded"),
    [
        (r"(a+)+$", True),
        (r"(?!x)(a+)+$", False),
        (r"(a+)+\1", False),
        (r"(?!x)a+.*", True),
        (r"(a{1,1000}){1,1000}b", False),
        (r"(?>(a+)+)b", False),
        (r"(?<=x)(?:ab)?c*", True),
        (r"(?!0)(?:\d{1,3}\.){3}\d{1,3}$", True),
        (r"(?!0)(?:\d{1,3}\.){300}", False),
        (r"(x)?(?(1)(a+)+y|b)", False),
        (r"(x)?(?(1)a|(b+)+y)", False),
        (r"(x)?(?(1)a)", True),
    ],
)
def test_an_expression_without_bound_is_named(regex: str, bounded: bool) -> None:
    """What can explode and has no automaton is refused, and nothing else is."""
    assert (why_unbounded(re.compile(regex)) is None) == bounded


@given(st.text("ab|()[]^$*+?{}1,.\\", max_size=8), st.text("ab|1.,", max_size=6))
@settings(max_examples=1500, deadline=None)
@example("a|b", "b")
@example("(?#(|)a|b", "b")
def test_what_a_regular_expression_matches_begins_with_its_literal_start(source: str, text: str) -> None:
    """No text that a regular expression matches begins otherwise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            regex = re.compile(source)
    except (re.error, OverflowError):
        return
    if regex.match(text):
        assert text.startswith(BoundedMatch(regex).start)


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("abc", "abc"), ("^abc$", "abc"), (r"a\.b", "a.b"), (r"a\d", "a"), ("ab*", "a"), ("ab?", "a"), ("ab+c", "ab"),
        ("ab{0,2}", "a"), ("ab{2}c", "abbc"), ("a|b", ""), ("a(b|c)", "a"), ("a[|]b", "a|b"), (r"a\|b", "a|b"),
        ("(?i)ab", ""), ("a(?i:b)", "a"), ("(?x) a b", "ab"), ("(?:ab)c", "abc"), ("[ac]b", ""), ("a]b", "a]b"), ("", ""),
        (".a", ""), (r"\Aab", "ab"), ("é+", "é"), ("[]|]x|y", ""), (r"\\a", "\\a"), ("a(|b)", "a"), ("(a)|b", ""),
        ("user:login:(web|app)", "user:login:"), ("(?=ab)a", ""), (r"\d+", ""),
    ],
)  # fmt: skip
def test_the_literal_start_of_an_expression(regex: str, expected: str) -> None:
    """It is what every match begins with, as far as it is written out."""
    assert BoundedMatch(re.compile(regex)).start == expected

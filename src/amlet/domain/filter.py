"""Filters over runs: what users write, as a tree that the store turns into SQL with bound parameters.

    metrics.Accuracy > 0.9 and tags.team = 'vision'
    params.kernel in ('linear', 'rbf') and not status = 'Failed'
    started >= '2026-11-01' and display_name like 'iris%' or tags."hard name" is null

Fields: `id`, `name`, `display_name`, `experiment`, `status`, `type`, `target`, `parent`, `created`, `started`, `ended`,
`duration` (seconds), `metrics.<name>` (the last value), `params.<name>` (an argument of the script, with or without
its dashes), `tags.<key>`, `properties.<key>`; a name with other than letters, digits, `_`, `-` and `.` stands in double
quotes, a double quote in it twice. Operators: `= != < <= > >= like in is null is not null`, `and`, `or`, `not`,
brackets; words in any case. Values: numbers, `'texts'` (a quote in it twice), times as texts in ISO form.

A run without the field passes no test of it but `is null`, and so passes `not` of one. `like` takes `%` for any text,
`_` for any character, `\\` before one of them for itself, and letters in any case. A parameter, tag or property
compared with a number is read as a number. Times without a zone are UTC.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Iterator, List, NamedTuple, NoReturn, Optional, Tuple, Union, cast

from amlet.base.clock import from_iso
from amlet.base.errors import InvalidInput
from amlet.base.names import closest
from amlet.domain.run import TRANSITIONS

TEXT_FIELDS = ("id", "name", "display_name", "experiment", "status", "type", "target", "parent")
TIME_FIELDS = ("created", "started", "ended")
PLAIN_FIELDS = (*TEXT_FIELDS, *TIME_FIELDS, "duration")
NAMED_FIELDS = ("metrics", "params", "tags", "properties")

LENGTH_LIMIT = 20_000
DEPTH_LIMIT = 40
"""Brackets and `not`s within each other; the databases' own bound on nesting is some hundreds."""
COMPARISON_LIMIT = 100
VALUE_LIMIT = 500
"""Values in all comparisons together: the databases' bound on parameters, SQLite's older ones' being 999."""
WILDCARD_LIMIT = 10
"""`%` in one pattern: the time that matching takes grows with a power of their number."""

Value = Union[str, float, int]


class Field(NamedTuple):
    """What is looked at: a plain field with an empty name, or one of `NAMED_FIELDS` and a name."""

    kind: str
    name: str = ""


class Comparison(NamedTuple):
    """One test; `operator` is one of `= != < <= > >= like in null`.

    `in` has any number of values, `null` none, the others one.
    """

    field: Field
    operator: str
    values: Tuple[Value, ...]


class Not(NamedTuple):
    condition: Condition


class All(NamedTuple):
    conditions: List[Condition]


class AnyOf(NamedTuple):
    conditions: List[Condition]


Condition = Union[Comparison, Not, All, AnyOf]


class Order(NamedTuple):
    """What runs are sorted by; runs without the value come last either way."""

    field: Field
    descending: bool = False


def parse(text: str) -> Condition:
    """Read a filter.

    Raises:
        InvalidInput: with the place, what was expected there and, for a field, the nearest known one.
    """
    reader = _Reader(text, "filter")
    condition = reader.any_of(0)
    reader.end("`and`, `or` or the end")
    return condition


def parse_order(text: str) -> Order:
    """Read an order: a field, then `asc` (as when left out) or `desc`.

    Raises:
        InvalidInput: as `parse`.
    """
    reader = _Reader(text, "order")
    field = reader.field()
    descending = reader.takes_word("desc")
    if not descending:
        reader.takes_word("asc")
    reader.end("`asc`, `desc` or the end")
    return Order(field, descending)


def unparse(condition: Condition) -> str:
    """A text that `parse` reads as this condition."""
    return _text_of(condition)


def unparse_order(order: Order) -> str:
    """A text that `parse_order` reads as this order."""
    return field_text(order.field) + (" desc" if order.descending else "")


def field_text(field: Field) -> str:
    """The field as users write it."""
    if field.kind not in NAMED_FIELDS:
        return field.kind
    return f"{field.kind}.{field.name if _is_plain(field.name) else _quoted(field.name, _DOUBLE)}"


def metrics_named(condition: Optional[Condition], order: Optional[Order]) -> List[str]:
    """Names of the metrics that a filter and an order name, as they come, each once."""
    found = list(_metrics_in(condition)) if condition is not None else []
    if order is not None and order.field.kind == "metrics":
        found.append(order.field.name)
    return list(dict.fromkeys(found))


def moment_of(text: str) -> datetime:
    """A time as written in a filter; without a zone it is UTC.

    Raises:
        ValueError: when it is no time.
    """
    try:
        return from_iso(text)
    except ValueError:
        return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    except OverflowError as error:  # an offset that leads out of the years 1 to 9999
        raise ValueError(str(error)) from error


def _metrics_in(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Comparison):
        if condition.field.kind == "metrics":
            yield condition.field.name
    elif isinstance(condition, Not):
        yield from _metrics_in(condition.condition)
    else:
        for inner in condition.conditions:
            yield from _metrics_in(inner)


_SINGLE, _DOUBLE = "'", '"'
_OPERATORS = ("<=", ">=", "!=", "=", "<", ">")
_FOREIGN = {"==": "=", "<>": "!=", "=~": "like", "!~": "not ... like", "&&": "and", "||": "or"}
_WORDS = ("and", "or", "not", "like", "in", "is", "null")


class _Token(NamedTuple):
    kind: str
    """`word`, `number`, `'` or `"` for texts in such quotes, `sign`, or `end`."""
    text: str
    """A text without its quotes."""
    start: int
    touches: bool
    """Whether it begins right where the one before it ended."""


class _Reader:
    """Recursive descent over the tokens, each of which is looked at once."""

    def __init__(self, text: str, noun: str) -> None:
        self._text = text
        self._noun = noun
        if len(text) > LENGTH_LIMIT:
            raise InvalidInput(f"The {noun} has {len(text)} characters; {LENGTH_LIMIT} is the most.")
        self._tokens = self._tokenize()
        self._at = 0
        self._comparisons = 0
        self._values = 0

    def any_of(self, depth: int) -> Condition:
        found = [self._all_of(depth)]
        while self.takes_word("or"):
            found.append(self._all_of(depth))
        return found[0] if len(found) == 1 else AnyOf(found)

    def field(self) -> Field:
        token = self._take()
        if token.kind != "word" or token.text.lower() in _WORDS:
            self._fail(token, "a field", _FIELDS_HINT)
        kind, dot, name = token.text.partition(".")
        if kind in NAMED_FIELDS:
            return Field(kind, self._name(token, dot, name))
        if dot:
            self._fail(token, "a field", closest(kind, list(NAMED_FIELDS)) + _FIELDS_HINT)
        if kind not in PLAIN_FIELDS:
            self._fail(token, "a field", closest(kind, [*PLAIN_FIELDS, *NAMED_FIELDS]) + _FIELDS_HINT)
        return Field(kind)

    def takes_word(self, word: str) -> bool:
        token = self._tokens[self._at]
        if token.kind == "word" and token.text.lower() == word:
            self._at += 1
            return True
        return False

    def end(self, expected: str) -> None:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._fail(token, expected)

    def _all_of(self, depth: int) -> Condition:
        found = [self._one(depth)]
        while self.takes_word("and"):
            found.append(self._one(depth))
        return found[0] if len(found) == 1 else All(found)

    def _one(self, depth: int) -> Condition:
        token = self._tokens[self._at]
        if depth > DEPTH_LIMIT:
            self._fail(token, f"at most {DEPTH_LIMIT} brackets and `not`s within each other")
        if self.takes_word("not"):
            return Not(self._one(depth + 1))
        if self._takes_sign("("):
            inner = self.any_of(depth + 1)
            self._must_sign(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        start = self._tokens[self._at]
        self._comparisons += 1
        if self._comparisons > COMPARISON_LIMIT:
            self._fail(start, f"at most {COMPARISON_LIMIT} comparisons")
        field = self.field()
        token = self._tokens[self._at]
        if token.kind == "sign" and token.text in _OPERATORS:
            self._at += 1
            return Comparison(field, token.text, (self._value(field, token.text),))
        if self.takes_word("is"):
            negated = self.takes_word("not")
            if not self.takes_word("null"):
                self._fail(self._tokens[self._at], "`null`" if negated else "`null` or `not null`")
            test = Comparison(field, "null", ())
            return Not(test) if negated else test
        negated = self.takes_word("not")
        if self.takes_word("like"):
            if field.kind == "metrics" or field.kind in (*TIME_FIELDS, "duration"):
                self._fail(token, f"`=`, `<` or another comparison: {field_text(field)} is no text")
            found = Comparison(field, "like", (self._value(field, "like"),))
        elif self.takes_word("in"):
            found = Comparison(field, "in", self._list(field))
        elif negated:
            self._fail(self._tokens[self._at], "`like` or `in`")
        else:
            self._fail(token, "`=`, `!=`, `<`, `<=`, `>`, `>=`, `like`, `in` or `is`")
        return Not(found) if negated else found

    def _list(self, field: Field) -> Tuple[Value, ...]:
        self._must_sign("(")
        values = []
        if not self._takes_sign(")"):
            values.append(self._value(field, "in"))
            while self._takes_sign(","):
                values.append(self._value(field, "in"))
            self._must_sign(")")
        return tuple(values)

    def _name(self, token: _Token, dot: str, name: str) -> str:
        follower = self._tokens[self._at]
        if dot and not name and follower.kind == _DOUBLE and follower.touches:
            self._at += 1
            return follower.text
        if not name:
            self._fail(follower, f'a name, as in {token.text.rstrip(".")}.x or {token.text.rstrip(".")}."hard name"')
        return name

    def _value(self, field: Field, operator: str) -> Value:
        token = self._take()
        self._values += 1
        if self._values > VALUE_LIMIT:
            self._fail(token, f"at most {VALUE_LIMIT} values")
        if token.kind in (_SINGLE, _DOUBLE):
            value: Value = token.text
        elif token.kind == "number":
            value = cast("Union[int, float]", _number_of(token.text))
        elif token.kind == "word":
            self._fail(token, "a value", f"texts stand in single quotes: {_quoted(token.text[:50], _SINGLE)}.")
        else:
            self._fail(token, "a value: a number or a 'text'")
        self._check(token, field, operator, value)
        return value

    def _check(self, token: _Token, field: Field, operator: str, value: Value) -> None:
        is_text = isinstance(value, str)
        if operator == "like":
            if not isinstance(value, str):
                self._fail(token, "a pattern, such as 'iris%'")
            if value.count("%") > WILDCARD_LIMIT:
                self._fail(token, f"a pattern with at most {WILDCARD_LIMIT} `%`")
            if (len(value) - len(value.rstrip("\\"))) % 2:
                self._fail(token, "a character after the last backslash")
        elif field.kind in ("metrics", "duration"):
            if is_text:
                self._fail(token, f"a number, since {field_text(field)} is one")
        elif field.kind in TEXT_FIELDS:
            if not is_text:
                self._fail(token, f"a 'text', since {field.kind} is one")
        elif field.kind in TIME_FIELDS and not (isinstance(value, str) and _is_moment(value)):
            self._fail(token, "a time, such as '2026-11-01' or '2026-11-01T09:30:00Z'")
        if field.kind == "status" and operator in ("=", "!=", "in") and value not in TRANSITIONS:
            known = list(TRANSITIONS)
            self._fail(token, "a status", closest(str(value)[:100], known) + f"Statuses are {', '.join(known)}.")

    def _take(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind != "end":
            self._at += 1
        return token

    def _takes_sign(self, sign: str) -> bool:
        token = self._tokens[self._at]
        if token.kind == "sign" and token.text == sign:
            self._at += 1
            return True
        return False

    def _must_sign(self, sign: str) -> None:
        if not self._takes_sign(sign):
            self._fail(self._tokens[self._at], f"`{sign}`" if sign == "(" else f"`,` or `{sign}`")

    def _tokenize(self) -> List[_Token]:
        tokens: List[_Token] = []
        text, at, ended = self._text, 0, -1
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            start = at
            letter = text[at]
            if letter in (_SINGLE, _DOUBLE):
                content, at = self._quoted_text(letter, start)
                tokens.append(_Token(letter, content, start, start == ended))
            elif _in_name(letter) or letter == "+":
                at += 1
                is_number = not letter.isalpha()
                while at < len(text) and (
                    _in_name(text[at]) or (is_number and text[at] == "+" and text[at - 1] in "eE")
                ):
                    at += 1
                word = text[start:at]
                kind = "number" if _number_of(word) is not None else "word"
                tokens.append(_Token(kind, word, start, start == ended))
            else:
                at = self._sign_end(start)
                tokens.append(_Token("sign", text[start:at], start, start == ended))
            ended = at
        tokens.append(_Token("end", "", len(text), False))
        return tokens

    def _quoted_text(self, quote: str, start: int) -> Tuple[str, int]:
        parts: List[str] = []
        at = start + 1
        while True:
            close = self._text.find(quote, at)
            if close < 0:
                self._fail(_Token(quote, self._text[start:], start, False), f"a closing {quote}")
            parts.append(self._text[at:close])
            if self._text[close + 1 : close + 2] != quote:
                return "".join(parts), close + 1
            parts.append(quote)
            at = close + 2

    def _sign_end(self, start: int) -> int:
        text = self._text
        two = text[start : start + 2]
        if two in _FOREIGN:
            self._fail(_Token("sign", two, start, False), f"`{_FOREIGN[two]}`")
        if two in _OPERATORS:
            return start + 2
        if text[start] not in "=<>(),":
            self._fail(_Token("sign", text[start], start, False), "a field, an operator or a value")
        return start + 1

    def _fail(self, token: _Token, expected: str, hint: Optional[str] = None) -> NoReturn:
        found = "its end" if token.kind == "end" else repr(token.text[:50])
        shown, column = _around(self._text, token.start)
        raise InvalidInput(
            f"The {self._noun} cannot be read at character {token.start + 1}: expected {expected}, found {found}.\n"
            f"    {shown}\n    {' ' * column}^",
            hint=hint,
        )


_FIELDS_HINT = f"fields are {', '.join(PLAIN_FIELDS)}, {', '.join(kind + '.<name>' for kind in NAMED_FIELDS)}."


def _around(text: str, at: int) -> Tuple[str, int]:
    """One line of the text with the place in it, and the place's column there."""
    start = max(0, at - 60)
    window = "".join(letter if letter.isprintable() else " " for letter in text[start : at + 40])
    before, after = "..." if start else "", "..." if at + 40 < len(text) else ""
    return before + window + after, len(before) + at - start


def _in_name(letter: str) -> bool:
    return letter.isalnum() or letter in "_-."


def _is_plain(name: str) -> bool:
    return bool(name) and all(map(_in_name, name))


def _number_of(word: str) -> Union[int, float, None]:
    """The number, an int where it is whole and fits into 64 bits; None for a word that is none."""
    if not word.isascii() or "_" in word or not any(map(str.isdigit, word)):
        return {"inf": float("inf"), "+inf": float("inf"), "-inf": float("-inf")}.get(word.lower())
    if len(word) <= 18 and word.lstrip("+-").isdigit():
        try:
            return int(word)
        except ValueError:  # several signs
            return None
    try:
        return float(word)
    except ValueError:
        return None


def _is_moment(text: str) -> bool:
    try:
        moment_of(text)
    except ValueError:
        return False
    return True


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, quote + quote) + quote


def _text_of(condition: Condition) -> str:
    if isinstance(condition, Not):
        return f"not {_inner(condition.condition)}"
    if isinstance(condition, All):
        return " and ".join(map(_inner, condition.conditions))
    if isinstance(condition, AnyOf):
        return " or ".join(map(_inner, condition.conditions))
    field = field_text(condition.field)
    if condition.operator == "null":
        return f"{field} is null"
    values = [_quoted(value, _SINGLE) if isinstance(value, str) else repr(value) for value in condition.values]
    if condition.operator == "in":
        return f"{field} in ({', '.join(values)})"
    return f"{field} {condition.operator} {values[0]}"


def _inner(condition: Condition) -> str:
    text = _text_of(condition)
    return f"({text})" if isinstance(condition, (All, AnyOf)) else text

"""Specs of environments, any that the SDK can make."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from amlet.domain.environment import Container, EnvironmentSpec

texts = st.text(max_size=30)
names = st.text(st.characters(whitelist_categories=("Ll", "Lu", "Nd")), min_size=1, max_size=12)
versions = st.sampled_from(["3.6.2", "3.8", ">=3.8", ">=3.7,<3.10", "!=3.9", "~=3.8", "3.*", "<4"])
packages = st.builds("{}{}".format, names.map("p-{}".format), st.sampled_from(["", "=1.2", ">=1", "==1.2=h_0", " <2"]))
containers = st.builds(Container, names, st.none(), st.none() | texts, st.lists(texts, max_size=2)) | st.builds(
    Container, st.none(), texts.map("FROM a\n{}".format), st.none() | texts, st.lists(texts, max_size=2)
)


@st.composite
def specs(draw: Any) -> EnvironmentSpec:
    """Whatever an environment can say. Packages are only listed where amlet manages them."""
    variables = draw(st.dictionaries(names, texts, max_size=3))
    spec = EnvironmentSpec(
        draw(names),
        draw(st.none() | names),
        variables={key: value for key, value in variables.items() if key != "EXAMPLE_ENV_VAR"},
        strict=draw(st.booleans()),
        container=draw(st.none() | containers),
    )
    if draw(st.booleans()):
        return spec._replace(user_managed=True, interpreter=draw(names))
    return spec._replace(
        python=draw(st.none() | versions),
        conda=draw(st.lists(packages, max_size=4)),
        pip=draw(st.lists(packages | texts.filter(lambda text: "://" not in text), max_size=4)),
        channels=draw(st.lists(names, max_size=2)),
    )

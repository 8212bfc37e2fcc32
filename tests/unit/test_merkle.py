"""Merkle roots are those of RFC 6962, and differ whatever leaf changes, moves, comes or goes."""

from __future__ import annotations

import pytest

from sentiment_lib import merkle

#: Leaves and roots of the reference implementation of Certificate Transparency.
INPUTS = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
}


@pytest.mark.parametrize("count", ROOTS)
def test_roots_are_those_of_the_reference(count):
    assert merkle.root([merkle.leaf(one) for one in INPUTS[:count]]).hex() == ROOTS[count]


def test_a_tree_needs_a_leaf():
    with pytest.raises(ValueError, match="at least one"):
        merkle.root([])


def test_no_list_of_leaves_gives_the_root_of_another():
    leaves = [merkle.leaf(one) for one in INPUTS]
    others = [leaves[:-1], [*leaves, leaves[-1]], [leaves[1], leaves[0], *leaves[2:]], [merkle.root(leaves)]]
    assert merkle.root(leaves) not in {merkle.root(other) for other in others[:3]}
    # a root stands for a list of its own, and for no leaf: leaves and nodes are hashed with different prefixes
    assert merkle.root([merkle.leaf(merkle.root(leaves))]) != merkle.root(leaves)

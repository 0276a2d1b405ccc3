"""The Merkle tree of the ledger: against its definition, against mutations, and against published vectors."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.ledger import tree

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
LEAVES = [tree.leaf_hash(bytes([n])) for n in range(70)]

leaf_lists = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


def _frontier(leaves: list[bytes]) -> tuple[bytes, ...]:
    found: tuple[bytes, ...] = ()
    for size, leaf in enumerate(leaves):
        found = tree.extend(size, found, leaf)
    return found


def test_the_hashes_of_the_standard() -> None:
    # The empty tree and the empty leaf, as RFC 6962 implementations publish them.
    assert tree.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert tree.root_of(()) == tree.root_of_leaves([]) == tree.EMPTY_ROOT


def test_a_leaf_is_never_a_node() -> None:
    left, right = LEAVES[0], LEAVES[1]
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)
    assert tree.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()


@given(leaf_lists)
def test_the_frontier_gives_the_root_of_the_definition(leaves: list[bytes]) -> None:
    frontier = _frontier(leaves)
    assert len(frontier) == len(leaves).bit_count()
    assert tree.root_of(frontier) == tree.root_of_leaves(leaves)


def test_a_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves has 2 perfect subtrees, not 1"):
        tree.extend(3, (LEAVES[0],), LEAVES[1])


@given(leaf_lists, st.data())
def test_inclusion_proofs_verify_and_nothing_else_does(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    leaf, size, root = leaves[index], len(leaves), tree.root_of_leaves(leaves)
    proof = tree.inclusion_proof(leaves, index)
    assert tree.verify_inclusion(leaf, index, size, proof, root)

    assert not tree.verify_inclusion(_flipped(leaf, data), index, size, proof, root)
    assert not tree.verify_inclusion(leaf, index, size, proof, _flipped(root, data))
    assert not tree.verify_inclusion(leaf, index, size, (*proof, root), root)
    assert not tree.verify_inclusion(leaf, -1, size, proof, root)
    assert not tree.verify_inclusion(leaf, size, size, proof, root)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = (*proof[:place], _flipped(proof[place], data), *proof[place + 1 :])
        assert not tree.verify_inclusion(leaf, index, size, changed, root)
        assert not tree.verify_inclusion(leaf, index, size, proof[:-1], root)
        assert not tree.verify_inclusion(leaf, index, size, proof[1:], root)


@pytest.mark.parametrize("size", range(1, 34))
def test_an_inclusion_proof_holds_at_one_index_only(size: int) -> None:
    leaves, root = LEAVES[:size], tree.root_of_leaves(LEAVES[:size])
    for index in range(size):
        proof = tree.inclusion_proof(leaves, index)
        accepted = [other for other in range(size) if tree.verify_inclusion(leaves[index], other, size, proof, root)]
        assert accepted == [index]


@pytest.mark.parametrize("first", range(1, 34))
def test_consistency_proofs_verify_and_nothing_else_does(first: int) -> None:
    root1 = tree.root_of_leaves(LEAVES[:first])
    for second in range(first, 40):
        leaves, root2 = LEAVES[:second], tree.root_of_leaves(LEAVES[:second])
        proof = tree.consistency_proof(leaves, first)
        assert tree.verify_consistency(first, second, proof, root1, root2)
        assert not tree.verify_consistency(first, second, (*proof, root1), root1, root2)
        assert not tree.verify_consistency(first, second, proof, LEAVES[-1], root2)
        assert not tree.verify_consistency(first, second, proof, root1, LEAVES[-1])
        assert not tree.verify_consistency(second + 1, second, proof, root1, root2)
        for place in range(len(proof)):
            changed = (*proof[:place], LEAVES[-1], *proof[place + 1 :])
            assert not tree.verify_consistency(first, second, changed, root1, root2)
            assert not tree.verify_consistency(first, second, (*proof[:place], *proof[place + 1 :]), root1, root2)


@given(leaf_lists, st.data())
def test_a_rewritten_past_is_not_consistent(leaves: list[bytes], data: st.DataObject) -> None:
    first = data.draw(st.integers(1, len(leaves)))
    place = data.draw(st.integers(0, first - 1))
    rewritten = [*leaves[:place], _flipped(leaves[place], data), *leaves[place + 1 :]]
    proof = tree.consistency_proof(rewritten, first)
    old, new = tree.root_of_leaves(leaves[:first]), tree.root_of_leaves(rewritten)
    assert not tree.verify_consistency(first, len(leaves), proof, old, new)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_outside_the_tree(index: int) -> None:
    with pytest.raises(IndexError):
        tree.inclusion_proof(LEAVES[:3], index)


@pytest.mark.parametrize("first", [0, 4])
def test_no_consistency_outside_the_tree(first: int) -> None:
    with pytest.raises(IndexError):
        tree.consistency_proof(LEAVES[:3], first)
    assert not tree.verify_consistency(0, 3, (), tree.EMPTY_ROOT, tree.root_of_leaves(LEAVES[:3]))


@pytest.mark.needs_shared
def test_published_inclusion_vectors() -> None:
    cases = _vectors("merkle_inclusion.jsonl")
    for case in cases:
        found = tree.verify_inclusion(
            _raw(case["leafHash"]), case["leafIdx"], case["treeSize"], _proof(case), _raw(case["root"])
        )
        assert found is not case["wantErr"], case["case"]
    assert len(cases) == 98


@pytest.mark.needs_shared
def test_published_consistency_vectors() -> None:
    cases = _vectors("merkle_consistency.jsonl")
    for case in cases:
        found = tree.verify_consistency(
            case["size1"], case["size2"], _proof(case), _raw(case["root1"]), _raw(case["root2"])
        )
        assert found is not case["wantErr"], case["case"]
    assert len(cases) == 98


def _vectors(name: str) -> list[dict[str, Any]]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"the conformance vectors are not at {path}")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _raw(text: str) -> bytes:
    return base64.b64decode(text or "")


def _proof(case: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(_raw(step) for step in case["proof"] or ())


def _flipped(value: bytes, data: st.DataObject) -> bytes:
    place, bit = data.draw(st.integers(0, len(value) - 1)), data.draw(st.integers(0, 7))
    return value[:place] + bytes([value[place] ^ (1 << bit)]) + value[place + 1 :]

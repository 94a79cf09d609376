"""By what names a shop knows its people: second accounts, till numbers, telephones, and devices that many use.

What makes finding out who is who hard, and what is true about it. Names are codes: a person's account is its own
number ``p``, a second account ``n + p``, the number that the tills know it by ``2 n + p``, of ``n`` people.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from perso_pipeline.shop.arrays import Bools, Ints, numbered

SECOND_ACCOUNTS = 0.04  # of members: another e-mail address, the same telephone
TILL_NUMBERS = 0.5  # of members: the tills keep numbers of their own; the loyalty card says whose they are
SHARED_TELEPHONES = 0.001  # of members: a family's landline
OFFICE_WORKERS, OFFICE_SIZE = 0.03, 10
KIOSK_EVERY = 2000  # people of a site for each kiosk in its stores


@dataclass(frozen=True, kw_only=True)
class Names:
    """Arrays by person."""

    has_second: Bools
    has_till_number: Bools
    telephone: Ints  # person whose number it is
    office: Ints  # shared device in the office, -1 without one
    kiosk: Ints  # shared device in the stores of the person's site
    shared_devices: int  # offices and kiosks; they are numbered from 0


def give_names(site: Ints, is_member: Bools, rng: np.random.Generator) -> Names:
    """Accounts, telephones and places of work for everybody."""
    n = len(site)
    members = np.flatnonzero(is_member)
    telephone = np.arange(n)
    families = rng.permutation(members)[: int(SHARED_TELEPHONES * len(members)) * 2].reshape(-1, 2)
    telephone[families[:, 1]] = families[:, 0]
    office = np.full(n, -1)
    workers = rng.permutation(members)[: int(OFFICE_WORKERS * n)]
    workers = workers[np.argsort(site[workers], kind="stable")]
    office[workers] = np.arange(len(workers)) // OFFICE_SIZE
    offices = int(office.max(initial=-1)) + 1
    kiosks_of = np.maximum(1, np.bincount(site, minlength=int(site.max(initial=0)) + 1) // KIOSK_EVERY)
    first = offices + np.concatenate([[0], np.cumsum(kiosks_of)])
    return Names(
        has_second=is_member & (rng.random(n) < SECOND_ACCOUNTS),
        has_till_number=is_member & (rng.random(n) < TILL_NUMBERS),
        telephone=telephone, office=office, kiosk=first[site] + np.arange(n) % kiosks_of[site],
        shared_devices=int(first[-1]),
    )  # fmt: skip


def customer_ids(n: int) -> pa.Array:
    """Customer numbers by code: accounts, second accounts, till numbers."""
    kinds = [("C", 200000, 3), ("D", 700000, 1), ("T", 500000, 1)]
    return pa.array([f"{letter}{start + step * i}" for letter, start, step in kinds for i in range(n)])


def emails(n: int) -> pa.Array:
    """E-mail addresses by code: of accounts and guests, of second accounts."""
    ends = ["com" if i % 3 else "org" for i in range(n)]
    own = [f"shopper{i}@example.{end}" for i, end in enumerate(ends)]
    return pa.array([*own, *(f"shopper{i}.home@example.{end}" for i, end in enumerate(ends))])


def loyalty_cards(person: Ints) -> pa.Array:
    """Loyalty card of each person; nothing where the code is negative."""
    return numbered("L", np.where(person >= 0, 7000000 + person, -1))


def telephones(person: Ints) -> pa.Array:
    """Telephone number of each person."""
    return numbered("+447700", 900000 + person)

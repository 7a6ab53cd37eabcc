"""Several processes at one store: locks hold whatever else a process does with the file, forks included."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from sdk.store import Store, StoreError
from sdk.store.file import StoreFile

WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
"""


def images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 1), np.uint8)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "device.db"
    store = Store(path)
    store.add(images(400))
    store.close()
    return path


def test_another_client_of_the_process_does_not_drop_the_lock(path):
    """POSIX locks go when a process closes the file by any descriptor: nothing but SQLite may open it."""
    with StoreFile(path).transaction():
        StoreFile(path)
        said = subprocess.run([sys.executable, "-c", WRITE, path], capture_output=True, text=True, check=True)
    assert "database is locked" in said.stdout


def take(store, process, results):
    results.put([store.reserve([os.urandom(32)], decoys=2)[0].ids for _ in range(20)])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_processes_share_decoys_and_never_one_of_them(path):
    fork, store = multiprocessing.get_context("fork"), Store(path)
    store.reserve([os.urandom(32)], decoys=2)  # the connection that the children inherit has been of use
    results = fork.SimpleQueue()
    children = [fork.Process(target=take, args=(store, number, results)) for number in range(4)]
    for child in children:
        child.start()
    own = [store.reserve([os.urandom(32)], decoys=2)[0].ids for _ in range(20)]
    taken = [ids for found in (own, *(results.get() for _ in children)) for ids in found]
    for child in children:
        child.join()
        assert child.exitcode == 0
    used = [decoy for ids in taken for decoy in ids]
    assert len(used) == len(set(used)) == 200
    assert store.decoys_left == 400 - 202


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_the_transactions_of_other_threads(path):
    """Else the child's SQLite would believe for ever that the parent's transaction is open."""
    store, held = StoreFile(path), threading.Event()

    def hold():
        with store.transaction() as connection:
            connection.execute("UPDATE decoys SET taken_by = x'00' WHERE id = 1")
            held.set()
            time.sleep(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    child = os.fork()
    if child == 0:
        try:
            with store.transaction() as connection:
                used = "SELECT count(*) FROM decoys WHERE taken_by IS NOT NULL"
                os._exit(7 if connection.execute(used).fetchone() == (1,) else 1)
        finally:
            os._exit(2)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_store_in_memory_does_not_cross_a_fork():
    store = Store()
    child = os.fork()
    if child == 0:
        try:
            store.reserve([bytes(32)])
        except StoreError:
            os._exit(7)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7

"""Which addresses are public, in whatever form they are written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.infra.egress import effective, is_allowed


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "192.0.2.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:0:7f00:1",
        "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:a00:1::", "2001:0:1:2:3:4:80ff:fffe",
        "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1",
        "ff02::1", "100::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


@given(st.ip_addresses(v=4))
def test_no_wrapping_makes_a_private_address_public(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80)):
        wrapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number << shift)
        assert effective(wrapped) == inner
        assert is_allowed(wrapped, ()) == is_allowed(inner, ())


@pytest.mark.parametrize("form", ["10.0.0.7", "::ffff:10.0.0.7", "64:ff9b::a00:7"])
def test_the_allow_list_names_an_address_in_all_its_forms(form: str) -> None:
    allow = (ipaddress.ip_network("10.0.0.0/29"), ipaddress.ip_network("fd00::/64"))
    assert is_allowed(ipaddress.ip_address(form), allow)
    assert not is_allowed(ipaddress.ip_address("10.0.0.8"), allow)
    assert is_allowed(ipaddress.ip_address("fd00::5"), allow)

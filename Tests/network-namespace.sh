#!/bin/sh
# SPDX-License-Identifier: MIT
# Takes links down and brings them back for real, in a network namespace made for it: a jump that the kernel refuses
# must leave links, addresses and routes as they were. Needs iproute2 and unshare; root, or user namespaces.
# Usage: network-namespace.sh TEST-PROGRAM   (the test bundle that `swift build --build-tests` makes)
set -eu

if [ -z "${KEXEC_TEST_OUTER_NETNS:-}" ]; then
    tests=$(realpath "$1")
    KEXEC_TEST_OUTER_NETNS=$(readlink /proc/self/ns/net)
    export KEXEC_TEST_OUTER_NETNS
    if [ "$(id -u)" = 0 ]; then exec unshare -n sh "$0" "$tests"; else exec unshare -rn sh "$0" "$tests"; fi
fi
[ "$(readlink /proc/self/ns/net)" != "$KEXEC_TEST_OUTER_NETNS" ] || { echo "no namespace of its own" >&2; exit 1; }

ip link set lo up
ip link add left type veth peer name right
ip link add other type veth peer name far
ip link add idle type veth peer name idler
ip link add upper type bridge
ip link set far master upper
# Tells the test that it is here.
ip link add kexec-testing type bridge
ip link set kexec-testing up
for link in left right other far upper; do ip link set "$link" up; done
ip address add 192.0.2.1/24 dev left
ip address add 192.0.2.9/24 dev left
ip address add 198.51.100.1/24 dev other valid_lft 9000 preferred_lft 8000
ip address add 198.51.100.2/24 dev upper
ip address add 2001:db8:1::1/64 dev left
ip address add 2001:db8:5::1/64 dev upper nodad
ip route add default via 192.0.2.254
ip route add default via 198.51.100.254 dev other metric 500
ip route add 203.0.113.0/24 dev upper src 198.51.100.2 mtu 1300
ip route add 203.0.113.128/25 nexthop via 192.0.2.7 weight 2 nexthop via 198.51.100.7 dev other onlink
ip route add 10.9.0.0/16 via 203.0.113.5 dev upper table 77
ip route add blackhole 10.66.0.0/16
sleep 3 # duplicate address detection
ip -6 route add default via 2001:db8:1::ff
ip -6 route add 2001:db8:9::/48 via fe80::1 dev upper metric 77 src 2001:db8:1::1
ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::7 dev left nexthop via 2001:db8:5::7 dev upper
ip -6 route add unreachable 2001:db8:dead::/48
# As network managers do it: addresses without routes, the routes under the kernel's name, and what a router advertises where
# the kernel does not listen to it. Where it does, such a route is the router's to bring back.
ip address add 198.18.0.1/24 dev left noprefixroute
ip route add 198.18.0.0/24 dev left proto kernel scope link src 198.18.0.1
ip address add 2001:db8:7::1/64 dev upper nodad noprefixroute
ip -6 route add 2001:db8:7::/64 dev upper proto kernel metric 300
echo 0 >/proc/sys/net/ipv6/conf/upper/accept_ra
ip -6 route add default via fe80::2 dev upper proto ra metric 1025 expires 1800
ip -6 route add 2001:db8:b::/48 via fe80::2 dev upper proto ra metric 1024
echo 0 >/proc/sys/net/ipv6/conf/left/forwarding
echo 1 >/proc/sys/net/ipv6/conf/left/accept_ra
ip -6 route add 2001:db8:f::/48 via fe80::3 dev left proto ra metric 1024 expires 1800
ip neighbour add 192.0.2.7 lladdr 02:00:00:00:00:07 dev left nud permanent

show() {
    ip -o link show | sed 's/^\([0-9]*: [^ ]* <[^>]*>\).*/\1/'
    # Lifetimes count down; what has none left to tell apart is the address.
    ip -o address show | sed 's/\\.*//'
    ip route show table all | grep -v '^local\|^broadcast\|^multicast'
    ip -6 route show table all | grep -v '^local\|^broadcast\|^multicast\|^anycast'
    ip neighbour show nud permanent
}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
# Ends count down as well; and one route is the router's to bring back.
shown() { show | sed '/^2001:db8:f:/d; s/ expires [0-9]*sec//' | sort; }
shown >"$log/before"
status=0
"$1" --testing-library swift-testing --filter NetworkNamespaceTests >"$log/test" 2>&1 || status=$?
cat "$log/test"
sleep 3
shown >"$log/after"
diff -u "$log/before" "$log/after" || exit 1
[ "$status" = 0 ] || exit "$status"
grep -q "RefusedJump() passed" "$log/test" || { echo "the test did not run" >&2; exit 1; }
echo "network-namespace: links, addresses, routes and neighbours are as they were"

/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: What the kernel says of bonds, VLANs, macvlans and radios, byte by byte as it says it.
 *
 * Crafted, because not every kernel that runs the tests can make such devices.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

#define CAPACITY 512

/* A datagram of one message under construction, read into one picture. */
static alignas(struct nlmsghdr) uint8_t datagram[CAPACITY];
static struct nlmsghdr *const message = (struct nlmsghdr *)datagram;
static struct interfaces all;
static struct netlink netlink = { .fd = -1 };

static void begin(uint16_t type, const void *body, size_t length)
{
	memset(datagram, 0, sizeof(datagram));
	message->nlmsg_type = type;
	message->nlmsg_len = (uint32_t)NLMSG_SPACE(length);
	memcpy(NLMSG_DATA(message), body, length);
}

static void add(int type, const void *value, size_t length)
{
	struct rtattr *attribute = (struct rtattr *)(datagram + message->nlmsg_len);

	attribute->rta_type = (unsigned short)type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), value, length);
	message->nlmsg_len += (uint32_t)RTA_SPACE(length);
}

static void add_number(int type, uint32_t value)
{
	add(type, &value, sizeof(value));
}

static void add_kind(const char *kind)
{
	struct {
		struct rtattr header;
		char text[24];
	} nested = { .header = { .rta_type = IFLA_INFO_KIND } };

	nested.header.rta_len = (unsigned short)RTA_LENGTH(strlen(kind) + 1);
	strcpy(nested.text, kind);
	add(IFLA_LINKINFO | NLA_F_NESTED, &nested, nested.header.rta_len);
}

static void begin_link(int index, const char *name)
{
	struct ifinfomsg body = { .ifi_type = ARPHRD_ETHER, .ifi_index = index, .ifi_flags = IFF_UP };
	uint8_t mac[MAC_LENGTH] = { 2, 0, 0, 0, 0, (uint8_t)index };

	begin(RTM_NEWLINK, &body, sizeof(body));
	add(IFLA_IFNAME, name, strlen(name) + 1);
	add(IFLA_ADDRESS, mac, sizeof(mac));
}

/* Return: what the picture has of the interface after the message was read. */
static const struct interface *read_link(int index)
{
	const struct interface *found;

	all.changed = false;
	CHECK(netlink_read(&netlink, &all, datagram, message->nlmsg_len) == 0);
	found = interfaces_by_index(&all, index);
	CHECK(found != NULL);
	return found;
}

static void a_bond_that_fails_over_is_renewed(void)
{
	static const uint32_t words[] = { IFLA_EVENT_BONDING_FAILOVER, IFLA_EVENT_NOTIFY_PEERS };

	begin_link(5, "bond0");
	add_kind("bond");
	CHECK(strcmp(read_link(5)->kind, "bond") == 0);
	for (uint32_t i = 0; i < 2; i++) {
		begin_link(5, "bond0");
		add_kind("bond");
		add_number(IFLA_EVENT, words[i]);
		CHECK(read_link(5)->peers_notified == i + 1);
		CHECK(all.changed);
	}
	begin_link(5, "bond0");
	add_kind("bond");
	add_number(IFLA_EVENT, IFLA_EVENT_FEATURES);
	CHECK(read_link(5)->peers_notified == 2);
	CHECK(!all.changed);
}

static void a_slave_of_a_bond_has_a_master(void)
{
	begin_link(2, "eth0");
	add_number(IFLA_MASTER, 5);
	CHECK(read_link(2)->master == 5);
	begin_link(2, "eth0");
	CHECK(read_link(2)->master == 0);
}

static void a_carrier_that_came_back_unseen_is_a_change(void)
{
	begin_link(3, "eth1");
	add_number(IFLA_CARRIER_UP_COUNT, 1);
	CHECK(read_link(3)->carrier_ups == 1);
	begin_link(3, "eth1");
	add_number(IFLA_CARRIER_UP_COUNT, 2);
	CHECK(read_link(3)->carrier_ups == 2);
	CHECK(all.changed);
}

static void what_an_interface_sits_on_is_known_within_this_namespace(void)
{
	begin_link(7, "mac0");
	add_kind("macvlan");
	add_number(IFLA_LINK, 2);
	CHECK(read_link(7)->link == 2);
	begin_link(7, "mac0");
	add_kind("macvlan");
	add_number(IFLA_LINK, 2);
	add_number(IFLA_LINK_NETNSID, 0);
	CHECK(read_link(7)->link == 0);
	begin_link(8, "eth0.5");
	add_kind("vlan");
	add_number(IFLA_LINK, 2);
	CHECK(strcmp(read_link(8)->kind, "vlan") == 0);
	begin_link(8, "eth0.5");
	add_kind("a-kind-that-is-too-long");
	CHECK(strcmp(read_link(8)->kind, "a-kind-that-is-") == 0);
}

/* Of scans and roaming the kernel tells in messages that have nothing but the name and their own attribute. */
static void news_of_a_radio_changes_nothing(void)
{
	struct ifinfomsg body = { .ifi_type = ARPHRD_ETHER, .ifi_index = 9, .ifi_flags = IFF_UP };
	static const uint8_t event[8];

	begin_link(9, "wlan0");
	add_number(IFLA_CARRIER_UP_COUNT, 1);
	CHECK(read_link(9)->has_mac);
	begin(RTM_NEWLINK, &body, sizeof(body));
	add(IFLA_IFNAME, "wlan0", sizeof("wlan0"));
	add(IFLA_WIRELESS, event, sizeof(event));
	CHECK(read_link(9)->has_mac);
	CHECK(read_link(9)->carrier_ups == 1);
	CHECK(!all.changed);
}

/* What such a dump did not tell of is still there. */
static void a_dump_that_failed_takes_nothing_away(void)
{
	static const int32_t too_long = -EMSGSIZE;

	begin_link(9, "wlan0");
	read_link(9);
	interfaces_begin(&all);
	netlink.dumping = RTM_GETLINK;
	begin(NLMSG_DONE, &too_long, sizeof(too_long));
	CHECK(netlink_read(&netlink, &all, datagram, message->nlmsg_len) == -EMSGSIZE);
	CHECK(interfaces_by_index(&all, 9) != NULL);
	netlink.dumping = 0;
}

static void only_default_routes_count(void)
{
	for (uint8_t length = 0; length < 2; length++) {
		struct rtmsg body = { .rtm_family = AF_INET, .rtm_dst_len = length };

		begin(RTM_NEWROUTE, &body, sizeof(body));
		all.changed = false;
		CHECK(netlink_read(&netlink, &all, datagram, message->nlmsg_len) == 0);
		CHECK(all.changed == (length == 0));
	}
}

int main(void)
{
	interfaces_init(&all);
	a_bond_that_fails_over_is_renewed();
	a_slave_of_a_bond_has_a_master();
	a_carrier_that_came_back_unseen_is_a_change();
	what_an_interface_sits_on_is_known_within_this_namespace();
	news_of_a_radio_changes_nothing();
	a_dump_that_failed_takes_nothing_away();
	only_default_routes_count();
	interfaces_free(&all);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */

/** DOC: Target: netlink messages, as the kernel sends them but mutated, as if they came from it. */
#include "netlink.h"

#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fuzz.h"

#define INTERFACES 8
#define DATAGRAM_CAPACITY 1024

static struct interfaces all;
static struct netlink netlink;
/* Where questions for another dump arrive. */
static int kernel_end;

/* A datagram under construction. */
struct datagram {
	alignas(struct nlmsghdr) uint8_t bytes[DATAGRAM_CAPACITY];
	size_t length;
};

void fuzz_netlink_start(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
	interfaces_init(&all);
	memset(&netlink, 0, sizeof(netlink));
	netlink.fd = ends[0];
	kernel_end = ends[1];
}

void fuzz_netlink_end(void)
{
	netlink_close(&netlink);
	close(kernel_end);
	interfaces_free(&all);
}

static struct nlmsghdr *begin_message(struct datagram *datagram, const void *body, size_t length)
{
	struct nlmsghdr *message = (struct nlmsghdr *)(datagram->bytes + datagram->length);

	memset(message, 0, NLMSG_SPACE(length));
	message->nlmsg_len = (uint32_t)NLMSG_SPACE(length);
	memcpy(NLMSG_DATA(message), body, length);
	return message;
}

static void add_attribute(struct nlmsghdr *message, int type, const void *value, size_t length)
{
	struct rtattr *attribute = (struct rtattr *)((uint8_t *)message + message->nlmsg_len);

	memset(attribute, 0, RTA_SPACE(length));
	attribute->rta_type = (unsigned short)type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(attribute), value, length);
	message->nlmsg_len += (uint32_t)RTA_SPACE(length);
}

/* A nested attribute, as the kernel wraps the kind of an interface. */
static void add_kind(struct nlmsghdr *message, const char *kind)
{
	struct {
		struct rtattr header;
		char text[24];
	} nested = { .header = { .rta_type = IFLA_INFO_KIND } };

	nested.header.rta_len = (unsigned short)RTA_LENGTH(strlen(kind) + 1);
	strcpy(nested.text, kind);
	add_attribute(message, IFLA_LINKINFO, &nested, nested.header.rta_len);
}

static struct nlmsghdr *make_link(struct datagram *datagram)
{
	int index = (int)fuzz_below(INTERFACES);
	int master = (int)fuzz_below(INTERFACES);
	uint32_t event = (uint32_t)fuzz_below(8);
	struct ifinfomsg body = {
		.ifi_family = fuzz_below(8) ? AF_UNSPEC : AF_BRIDGE,
		.ifi_type = fuzz_below(4) ? ARPHRD_ETHER : ARPHRD_LOOPBACK,
		.ifi_index = index,
		.ifi_flags = (unsigned int)fuzz_below(1 << 17),
	};
	uint8_t mac[MAC_LENGTH] = { 2, 0, 0, 0, 0, (uint8_t)index };
	char name[IFNAMSIZ] = "eth0";
	struct nlmsghdr *message = begin_message(datagram, &body, sizeof(body));

	name[3] = (char)('0' + index);
	message->nlmsg_type = fuzz_below(3) ? RTM_NEWLINK : RTM_DELLINK;
	add_attribute(message, IFLA_IFNAME, name, strlen(name) + 1);
	add_attribute(message, IFLA_ADDRESS, mac, sizeof(mac));
	if (fuzz_below(2))
		add_attribute(message, IFLA_MASTER, &master, sizeof(master));
	if (fuzz_below(2))
		add_kind(message, fuzz_below(2) ? "macvlan" : "a-kind-that-is-too-long");
	if (fuzz_below(2))
		add_attribute(message, fuzz_below(2) ? IFLA_LINK : IFLA_LINK_NETNSID, &master,
			      sizeof(master));
	if (fuzz_below(2))
		add_attribute(message, fuzz_below(2) ? IFLA_EVENT : IFLA_CARRIER_UP_COUNT, &event,
			      sizeof(event));
	return message;
}

static struct nlmsghdr *make_address(struct datagram *datagram)
{
	struct ifaddrmsg body = {
		.ifa_family = fuzz_below(2) ? AF_INET : AF_INET6,
		.ifa_prefixlen = (uint8_t)fuzz_below(33),
		.ifa_index = (uint32_t)fuzz_below(INTERFACES),
	};
	uint8_t bytes[16] = { 10, 0, 0, (uint8_t)fuzz_below(16) };
	size_t length = body.ifa_family == AF_INET ? 4 : 16;
	struct nlmsghdr *message = begin_message(datagram, &body, sizeof(body));

	message->nlmsg_type = fuzz_below(3) ? RTM_NEWADDR : RTM_DELADDR;
	add_attribute(message, IFA_ADDRESS, bytes, length);
	if (fuzz_below(2))
		add_attribute(message, IFA_LOCAL, bytes, length);
	return message;
}

static struct nlmsghdr *make_route(struct datagram *datagram)
{
	struct rtmsg body = { .rtm_family = AF_INET, .rtm_dst_len = (uint8_t)fuzz_below(3) };
	struct nlmsghdr *message = begin_message(datagram, &body, sizeof(body));

	message->nlmsg_type = fuzz_below(2) ? RTM_NEWROUTE : RTM_DELROUTE;
	return message;
}

static struct nlmsghdr *make_other(struct datagram *datagram)
{
	struct nlmsgerr body = { .error = fuzz_below(2) ? 0 : -16 };
	struct nlmsghdr *message = begin_message(datagram, &body, sizeof(body));

	message->nlmsg_type = fuzz_below(4) ? NLMSG_DONE : NLMSG_ERROR;
	return message;
}

static void make_datagram(struct datagram *datagram)
{
	datagram->length = 0;
	for (uint64_t messages = 1 + fuzz_below(4); messages > 0; messages--) {
		uint64_t choice = fuzz_below(16);
		const struct nlmsghdr *message = choice == 0 ? make_other(datagram) :
						 choice == 1 ? make_route(datagram) :
						 choice < 9  ? make_link(datagram) :
							       make_address(datagram);

		datagram->length += message->nlmsg_len;
	}
	datagram->length = fuzz_mutate(datagram->bytes, datagram->length, DATAGRAM_CAPACITY);
}

static void check_picture(void)
{
	for (size_t i = 0; i < all.count; i++) {
		const struct interface *item = &all.items[i];

		CHECK(memchr(item->name, 0, sizeof(item->name)) != NULL);
		CHECK(memchr(item->kind, 0, sizeof(item->kind)) != NULL);
		for (size_t k = 0; k < i; k++)
			CHECK(all.items[k].index != item->index);
	}
}

/* What netlink_open() does after a loss, on the same socket. */
static void start_over(void)
{
	interfaces_begin(&all);
	netlink.dumping = RTM_GETLINK;
}

void fuzz_netlink_step(void)
{
	struct datagram datagram;
	uint8_t request[256];
	uint32_t before;
	uint8_t *exact;

	if (fuzz_below(64) == 0)
		start_over();
	make_datagram(&datagram);
	exact = fuzz_exact_copy(datagram.bytes, datagram.length);
	before = netlink.sequence;
	netlink_read(&netlink, &all, exact, datagram.length);
	while (before++ != netlink.sequence)
		CHECK(recv(kernel_end, request, sizeof(request), 0) > 0);
	free(exact);
	if (fuzz_below(16) == 0)
		check_picture();
}

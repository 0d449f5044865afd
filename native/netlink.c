/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel fills at most 32 KiB per message of a dump. */
#define BUFFER_LENGTH 32768

#define RECEIVE_BUFFER (1024 * 1024)

/* The flags that someone upstream decides by; changes of the others are noise. */
#define FLAGS_OF_INTEREST (IFF_UP | IFF_LOOPBACK | IFF_NOARP | IFF_BROADCAST | IFF_LOWER_UP)

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000
#endif

static int request_dump(struct netlink *netlink, uint16_t type)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = ++netlink->sequence,
		},
	};

	netlink->dumping = type;
	return send(netlink->fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/*
 * Of routes only default ones matter, and a router's node may have a million
 * others: those are dropped before they take room. A message's type is in host
 * order, and the filter loads it as if it came from the network.
 */
static int drop_other_routes(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ? -errno :
											   0;
}

static int subscribe(int fd)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};
	int size = RECEIVE_BUFFER;
	int error = drop_other_routes(fd);

	if (error < 0)
		return error;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int netlink_open(struct netlink *netlink, struct interfaces *all)
{
	int error;

	memset(netlink, 0, sizeof(*netlink));
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (netlink->fd < 0)
		return -errno;
	interfaces_begin(all);
	error = subscribe(netlink->fd);
	if (error == 0)
		error = request_dump(netlink, RTM_GETLINK);
	if (error < 0)
		netlink_close(netlink);
	return error;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->fd >= 0)
		close(netlink->fd);
	netlink->fd = -1;
}

static void read_text(char *text, size_t size, const struct rtattr *attribute)
{
	size_t length = RTA_PAYLOAD(attribute);

	if (length >= size)
		length = size - 1;
	memset(text, 0, size);
	memcpy(text, RTA_DATA(attribute), length);
}

static void read_number(void *number, const struct rtattr *attribute)
{
	if (RTA_PAYLOAD(attribute) == sizeof(uint32_t))
		memcpy(number, RTA_DATA(attribute), sizeof(uint32_t));
}

static void read_mac(struct interface *state, const struct rtattr *attribute)
{
	if (RTA_PAYLOAD(attribute) != MAC_LENGTH)
		return;
	memcpy(state->mac, RTA_DATA(attribute), MAC_LENGTH);
	state->has_mac = !mac_equal(state->mac, mac_zero);
}

static void read_kind(struct interface *state, const struct rtattr *info)
{
	struct rtattr *attribute = RTA_DATA(info);
	int length = (int)RTA_PAYLOAD(info);

	for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
		if (attribute->rta_type == IFLA_INFO_KIND)
			read_text(state->kind, sizeof(state->kind), attribute);
}

/* The kernel's word that whoever has addresses there should tell its neighbours again. */
static void read_event(struct interface *state, const struct rtattr *attribute)
{
	uint32_t event = IFLA_EVENT_NONE;

	read_number(&event, attribute);
	if (event == IFLA_EVENT_NOTIFY_PEERS || event == IFLA_EVENT_BONDING_FAILOVER)
		state->peers_notified++;
}

static void read_link_attribute(struct interface *state, unsigned short hardware_type,
				const struct rtattr *attribute)
{
	/* Two high bits of the type are flags. */
	switch (attribute->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		read_text(state->name, sizeof(state->name), attribute);
		break;
	case IFLA_ADDRESS:
		if (hardware_type == ARPHRD_ETHER)
			read_mac(state, attribute);
		break;
	case IFLA_MASTER:
		read_number(&state->master, attribute);
		break;
	case IFLA_LINK:
		read_number(&state->link, attribute);
		break;
	case IFLA_LINKINFO:
		read_kind(state, attribute);
		break;
	case IFLA_CARRIER_UP_COUNT:
		read_number(&state->carrier_ups, attribute);
		break;
	case IFLA_EVENT:
		read_event(state, attribute);
		break;
	default:
		break;
	}
}

/* The index of what an interface sits on means nothing here when that is in another namespace. */
static bool is_linked_outside(const struct rtattr *attribute)
{
	return (attribute->rta_type & NLA_TYPE_MASK) == IFLA_LINK_NETNSID;
}

/* News of a radio, which leaves out all else that is known of the interface. */
static bool is_of_a_radio(const struct rtattr *attribute)
{
	return (attribute->rta_type & NLA_TYPE_MASK) == IFLA_WIRELESS;
}

/* Bridges send RTM_DELLINK about a port that leaves them; only family AF_UNSPEC speaks of the device itself. */
static int handle_link(struct interfaces *all, const struct nlmsghdr *message)
{
	const struct ifinfomsg *body = NLMSG_DATA(message);
	const struct interface *known;
	struct interface state = { 0 };
	struct rtattr *attribute;
	bool linked_outside = false;
	int length;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->ifi_family != AF_UNSPEC)
		return 0;
	if (message->nlmsg_type == RTM_DELLINK) {
		interfaces_remove(all, body->ifi_index);
		return 0;
	}
	known = interfaces_by_index(all, body->ifi_index);
	state.peers_notified = known ? known->peers_notified : 0;
	state.index = body->ifi_index;
	state.flags = body->ifi_flags & FLAGS_OF_INTEREST;
	length = (int)IFLA_PAYLOAD(message);
	for (attribute = IFLA_RTA(body); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		if (is_of_a_radio(attribute))
			return 0;
		read_link_attribute(&state, body->ifi_type, attribute);
		linked_outside = linked_outside || is_linked_outside(attribute);
	}
	if (linked_outside)
		state.link = 0;
	return interfaces_put(all, &state);
}

static void read_address(struct interface_address *address, const struct rtattr *attribute)
{
	size_t length = address->family == AF_INET ? 4 : 16;

	if (RTA_PAYLOAD(attribute) == length)
		memcpy(address->bytes, RTA_DATA(attribute), length);
}

/* On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL ours; elsewhere IPv6 has only the first. */
static int handle_address(struct interfaces *all, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *body = NLMSG_DATA(message);
	struct interface_address address = { 0 };
	struct rtattr *attribute;
	bool local = false;
	int length;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) ||
	    (body->ifa_family != AF_INET && body->ifa_family != AF_INET6))
		return 0;
	address.family = body->ifa_family;
	address.prefix_length = body->ifa_prefixlen;
	length = (int)IFA_PAYLOAD(message);
	for (attribute = IFA_RTA(body); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length)) {
		if (attribute->rta_type == IFA_LOCAL ||
		    (attribute->rta_type == IFA_ADDRESS && !local))
			read_address(&address, attribute);
		local = local || attribute->rta_type == IFA_LOCAL;
	}
	if (message->nlmsg_type == RTM_NEWADDR)
		return interfaces_put_address(all, (int)body->ifa_index, &address);
	interfaces_remove_address(all, (int)body->ifa_index, &address);
	return 0;
}

/* Which hosts are default gateways is read elsewhere; here it is enough that it may have changed. */
static int handle_route(struct interfaces *all, const struct nlmsghdr *message)
{
	const struct rtmsg *body = NLMSG_DATA(message);

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(*body)) && body->rtm_dst_len == 0)
		all->changed = true;
	return 0;
}

/* A dump that ends with an error has not told of everything: what it left out is not gone. */
static int dump_error(const struct nlmsghdr *message)
{
	int error = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(message), sizeof(error));
	return error < 0 ? error : 0;
}

static int handle_dump_end(struct netlink *netlink, struct interfaces *all,
			   const struct nlmsghdr *message)
{
	int error = dump_error(message);

	if (error < 0)
		return error;
	if (netlink->dumping == RTM_GETLINK) {
		interfaces_sweep(all);
		return request_dump(netlink, RTM_GETADDR);
	}
	if (netlink->dumping == RTM_GETADDR)
		interfaces_sweep_addresses(all);
	netlink->dumping = 0;
	return 0;
}

static int handle_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *body = NLMSG_DATA(message);

	return message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) ? -EBADMSG : body->error;
}

/* A dump during which something changed may be inconsistent; the event about the change follows, so it heals. */
static int handle_message(struct netlink *netlink, struct interfaces *all,
			  const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return handle_link(all, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return handle_address(all, message);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return handle_route(all, message);
	case NLMSG_DONE:
		return handle_dump_end(netlink, all, message);
	case NLMSG_ERROR:
		return handle_error(message);
	default:
		return 0;
	}
}

/* The length is signed because the kernel's macros may take more from it than is left: the padding of the last message. */
int netlink_read(struct netlink *netlink, struct interfaces *all, const void *datagram,
		 size_t length)
{
	const struct nlmsghdr *message = datagram;
	int left = (int)length;
	int error = 0;

	for (; error == 0 && NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
		error = handle_message(netlink, all, message);
	return error;
}

int netlink_receive(struct netlink *netlink, struct interfaces *all)
{
	alignas(struct nlmsghdr) char buffer[BUFFER_LENGTH];

	for (;;) {
		struct sockaddr_nl sender = { 0 };
		socklen_t sender_length = sizeof(sender);
		ssize_t length = recvfrom(netlink->fd, buffer, sizeof(buffer), 0,
					  (struct sockaddr *)&sender, &sender_length);
		int error = 0;

		if (length < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		/* Any process may write to this socket; only the kernel has port 0. */
		if (sender.nl_pid == 0)
			error = netlink_read(netlink, all, buffer, (size_t)length);
		if (error < 0)
			return error;
	}
}

/* One wait for news, and what it brought. */
static int wait_and_receive(struct netlink *netlink, struct interfaces *all, int milliseconds)
{
	struct pollfd waiting = { .fd = netlink->fd, .events = POLLIN };
	int ready = poll(&waiting, 1, milliseconds);

	if (ready == 0)
		return -ETIMEDOUT;
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	return netlink_receive(netlink, all);
}

int netlink_wait(struct netlink *netlink, struct interfaces *all, int milliseconds)
{
	while (netlink->dumping) {
		int error = wait_and_receive(netlink, all, milliseconds);

		if (error == -ENOBUFS) {
			netlink_close(netlink);
			error = netlink_open(netlink, all);
		}
		if (error < 0)
			return error;
	}
	return 0;
}

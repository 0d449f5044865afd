/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdalign.h>
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

static int subscribe(int fd)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	int size = RECEIVE_BUFFER;

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

static void read_name(struct interface *state, const struct rtattr *attribute)
{
	size_t length = RTA_PAYLOAD(attribute);

	if (length >= sizeof(state->name))
		length = sizeof(state->name) - 1;
	memset(state->name, 0, sizeof(state->name));
	memcpy(state->name, RTA_DATA(attribute), length);
}

static void read_mac(struct interface *state, const struct rtattr *attribute)
{
	if (RTA_PAYLOAD(attribute) != MAC_LENGTH)
		return;
	memcpy(state->mac, RTA_DATA(attribute), MAC_LENGTH);
	state->has_mac = !mac_equal(state->mac, mac_zero);
}

static void read_link_attribute(struct interface *state, unsigned short hardware_type,
				const struct rtattr *attribute)
{
	if (attribute->rta_type == IFLA_IFNAME)
		read_name(state, attribute);
	else if (attribute->rta_type == IFLA_ADDRESS && hardware_type == ARPHRD_ETHER)
		read_mac(state, attribute);
	else if (attribute->rta_type == IFLA_MASTER && RTA_PAYLOAD(attribute) == sizeof(int))
		memcpy(&state->master, RTA_DATA(attribute), sizeof(int));
}

/* Bridges send RTM_DELLINK about a port that leaves them; only family AF_UNSPEC speaks of the device itself. */
static int handle_link(struct interfaces *all, const struct nlmsghdr *message)
{
	const struct ifinfomsg *body = NLMSG_DATA(message);
	struct interface state = { 0 };
	struct rtattr *attribute;
	int length;

	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->ifi_family != AF_UNSPEC)
		return 0;
	if (message->nlmsg_type == RTM_DELLINK) {
		interfaces_remove(all, body->ifi_index);
		return 0;
	}
	state.index = body->ifi_index;
	state.flags = body->ifi_flags & FLAGS_OF_INTEREST;
	length = (int)IFLA_PAYLOAD(message);
	for (attribute = IFLA_RTA(body); RTA_OK(attribute, length);
	     attribute = RTA_NEXT(attribute, length))
		read_link_attribute(&state, body->ifi_type, attribute);
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

static int handle_dump_end(struct netlink *netlink, struct interfaces *all)
{
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
	case NLMSG_DONE:
		return handle_dump_end(netlink, all);
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

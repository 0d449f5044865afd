/* SPDX-License-Identifier: Apache-2.0 */
#include "interfaces.h"

#include <netinet/in.h>
#include <string.h>

#include "check.h"

static struct interface nic(int index, const char *name)
{
	struct interface state = { .index = index, .has_mac = true, .mac = { 2, 0, 0, 0, 0, (uint8_t)index } };

	strncpy(state.name, name, sizeof(state.name) - 1);
	return state;
}

static struct interface_address address(uint8_t last)
{
	return (struct interface_address){ .family = AF_INET, .prefix_length = 24, .bytes = { 192, 0, 2, last } };
}

static void put(struct interfaces *all, int index, const char *name)
{
	struct interface state = nic(index, name);

	CHECK(interfaces_put(all, &state) == 0);
}

static void put_address(struct interfaces *all, int index, uint8_t last)
{
	struct interface_address added = address(last);

	CHECK(interfaces_put_address(all, index, &added) == 0);
}

static void only_a_real_change_counts_as_one(void)
{
	struct interfaces all;
	struct interface state = nic(1, "eth0");

	interfaces_init(&all);
	put(&all, 1, "eth0");
	put_address(&all, 1, 1);
	CHECK(all.changed);
	all.changed = false;
	put(&all, 1, "eth0");
	put_address(&all, 1, 1);
	CHECK(!all.changed);
	state.mac[5] = 9;
	CHECK(interfaces_put(&all, &state) == 0);
	CHECK(all.changed && all.items[0].address_count == 1);
	interfaces_free(&all);
}

static void an_interface_goes_with_its_addresses(void)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };
	struct interfaces all;

	interfaces_init(&all);
	put(&all, 1, "eth0");
	put(&all, 2, "eth1");
	put_address(&all, 2, 1);
	CHECK(interfaces_have_mac(&all, mac));
	interfaces_remove(&all, 2);
	interfaces_remove(&all, 2);
	CHECK(!interfaces_by_name(&all, "eth1") && interfaces_by_name(&all, "eth0"));
	CHECK(!interfaces_have_mac(&all, mac));
	put_address(&all, 2, 1);
	CHECK(all.count == 1);
	interfaces_free(&all);
}

static void what_was_lost_is_swept(void)
{
	struct interfaces all, copy;
	struct interface_address gone = address(2);

	interfaces_init(&all);
	put(&all, 1, "eth0");
	put(&all, 2, "eth1");
	put_address(&all, 1, 1);
	put_address(&all, 1, 2);
	interfaces_begin(&all);
	put(&all, 1, "eth0");
	interfaces_sweep(&all);
	put_address(&all, 1, 1);
	interfaces_sweep_addresses(&all);
	CHECK(interfaces_copy(&copy, &all) == 0);
	CHECK(copy.count == 1 && copy.items[0].address_count == 1);
	CHECK(copy.items[0].addresses[0].bytes[3] == 1);
	interfaces_free(&copy);
	interfaces_remove_address(&all, 1, &gone);
	CHECK(all.items[0].address_count == 1);
	interfaces_free(&all);
}

int main(void)
{
	only_a_real_change_counts_as_one();
	an_interface_goes_with_its_addresses();
	what_was_lost_is_swept();
	return 0;
}

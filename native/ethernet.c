/* SPDX-License-Identifier: Apache-2.0 */
#include "ethernet.h"

#include <string.h>

enum {
	OFFSET_DESTINATION = 0,
	OFFSET_SOURCE = 6,
	OFFSET_ETHERTYPE = 12,
	GROUP_BIT = 1,
};

const uint8_t mac_broadcast[MAC_LENGTH] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
const uint8_t mac_zero[MAC_LENGTH] = { 0 };

bool mac_equal(const uint8_t a[MAC_LENGTH], const uint8_t b[MAC_LENGTH])
{
	return memcmp(a, b, MAC_LENGTH) == 0;
}

bool mac_is_one_host(const uint8_t mac[MAC_LENGTH])
{
	return !(mac[0] & GROUP_BIT) && !mac_equal(mac, mac_zero);
}

bool ethernet_parse(const uint8_t *frame, size_t length, uint16_t ethertype,
		    struct ethernet_header *header)
{
	if (length < ETHERNET_HEADER_LENGTH || wire16_read(frame + OFFSET_ETHERTYPE) != ethertype)
		return false;
	memcpy(header->destination, frame + OFFSET_DESTINATION, MAC_LENGTH);
	memcpy(header->source, frame + OFFSET_SOURCE, MAC_LENGTH);
	return true;
}

void ethernet_write(const struct ethernet_header *header, uint16_t ethertype, uint8_t *frame)
{
	memcpy(frame + OFFSET_DESTINATION, header->destination, MAC_LENGTH);
	memcpy(frame + OFFSET_SOURCE, header->source, MAC_LENGTH);
	wire16_write(frame + OFFSET_ETHERTYPE, ethertype);
}

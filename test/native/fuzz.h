/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_TEST_FUZZ_H
#define STEELYARD_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** DOC: What the fuzzer's driver and its targets share. A target has a state of its own that begins anew with each campaign. */

/** fuzz_below() - Return: a number from 0 to @limit - 1, the next of the campaign's sequence. */
uint64_t fuzz_below(uint64_t limit);

/**
 * fuzz_mutate() - change some bytes of a valid input, as networks and attackers do
 * @bytes:	the input
 * @length:	how many bytes it has
 * @capacity:	how many it may get
 *
 * Bits are flipped, bytes set to values at the edges of their range, stretches
 * copied over others, the end cut off or made longer; often nothing happens.
 *
 * Return: the new length.
 */
size_t fuzz_mutate(uint8_t *bytes, size_t length, size_t capacity);

/** fuzz_exact_copy() - Return: a copy in memory of just that size, so that the sanitizer sees one byte too many. */
uint8_t *fuzz_exact_copy(const uint8_t *bytes, size_t length);

/* The targets: start with nothing, take one random step, free everything. */
void fuzz_table_start(void);
void fuzz_table_step(void);
void fuzz_table_end(void);

void fuzz_ndp_start(void);
void fuzz_ndp_step(void);
void fuzz_ndp_end(void);

void fuzz_burst_start(void);
void fuzz_burst_step(void);

void fuzz_netlink_start(void);
void fuzz_netlink_step(void);
void fuzz_netlink_end(void);

#endif

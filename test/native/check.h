/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_TEST_CHECK_H
#define STEELYARD_TEST_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** CHECK() - end the program with the place and the words of a condition that does not hold. */
#define CHECK(condition)                                                                   \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
			exit(1);                                                           \
		}                                                                          \
	} while (0)

/** random_next() - Return: the next number of a seeded sequence (xorshift64*); @state is never 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

#endif

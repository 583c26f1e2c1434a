// SPDX-License-Identifier: Apache-2.0
//
// The criteria that are written cr_assert (eq (int, a, b)).
#ifndef TROUPE_THREADS_NEW_ASSERT_H
#define TROUPE_THREADS_NEW_ASSERT_H

#define eq(type, a, b) ((a) == (b))
#define ne(type, a, b) ((a) != (b))
#define lt(type, a, b) ((a) < (b))
#define le(type, a, b) ((a) <= (b))
#define gt(type, a, b) ((a) > (b))
#define ge(type, a, b) ((a) >= (b))
#define not(criterion) (!(criterion))

#endif

// SPDX-License-Identifier: Apache-2.0
//
// Stands in for a folder that has no source yet, so that the other targets can be configured.

typedef int nothing;

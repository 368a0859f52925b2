# SPDX-License-Identifier: MIT
include tests/vtest/protocol.mk

// SPDX-License-Identifier: MIT
#pragma once
#include <lzma.h>

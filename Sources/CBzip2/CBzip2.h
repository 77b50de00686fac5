// SPDX-License-Identifier: MIT
#pragma once
#include <bzlib.h>

// depth.hpp, compiled with -O2: the Makefile says so.
#include "tests/task/depth.hpp"

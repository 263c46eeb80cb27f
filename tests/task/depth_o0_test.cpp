// depth.hpp, compiled with -O0: the Makefile says so.
#include "tests/task/depth.hpp"

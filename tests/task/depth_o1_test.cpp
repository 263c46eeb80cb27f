// depth.hpp, compiled with -O1: the Makefile says so.
#include "tests/task/depth.hpp"

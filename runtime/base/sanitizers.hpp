// Which sanitizer this is compiled for: SIMUL_ASAN or SIMUL_TSAN is defined, or neither.
//
// g++ and clang say it in different ways, and some of our code must know: who switches stacks has
// to tell them, and who keeps memory for later would hide from them that it is used after its end.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SIMUL_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define SIMUL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMUL_ASAN 1
#elif __has_feature(thread_sanitizer)
#define SIMUL_TSAN 1
#endif
#endif

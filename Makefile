# The build. `make help` lists what it can do; nothing here recurses into folders, and adding a file
# to runtime/, lessons/ or tests/ needs no change: the lists below are globs.
#
#   runtime/*/*.cpp              -> $(BUILD)/libsimul.a   (all but fiber/monkey.cpp, see "Monkey")
#   lessons/common/*.cpp         -> $(BUILD)/libcommon.a
#   lessons/NN-name/main.cpp     -> $(BUILD)/lessons/NN-name
#   lessons/NN-name/VARIANT.cpp  -> $(BUILD)/lessons/NN-name.VARIANT
#   tests/FOLDER/NAME_test.cpp   -> $(BUILD)/tests/FOLDER/NAME_test   (GoogleTest)
#   tests/bench/NAME_bench.cpp   -> $(BUILD)/tests/bench/NAME_bench
#   tests/fuzz/NAME_fuzz.cpp     -> $(BUILD)/tests/fuzz/NAME_fuzz     (libFuzzer)
#
# BUILD is `build`; another compiler, poller, context or sanitizer gets a folder of its own inside it
# (`build/asan+poll+ucontext`), so that two kinds of object never meet.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# Two jobs at a time unless the caller says otherwise (-j1 for one).
ifeq ($(MAKELEVEL),0)
ifeq (,$(findstring -j,$(MAKEFLAGS)))
MAKEFLAGS += -j2
endif
endif

# ---- Choices -------------------------------------------------------------------------------------

SYSTEM := $(shell uname -s)
NATIVE_POLLER := $(if $(filter Linux,$(SYSTEM)),epoll,$(if $(filter Darwin %BSD DragonFly,$(SYSTEM)),kqueue,poll))

# The first compiler that is new enough; where there is none, g++, to be refused by name below.
ifeq ($(origin CXX),default)
CXX := $(shell \
  for c in g++ c++ clang++ g++-15 g++-14 g++-13 g++-12 clang++-19 clang++-18 clang++-17 clang++-16; do \
    set -- $$(printf '__clang_major__ __GNUC__\n' | $$c -E -P -x c++ - 2>/dev/null); \
    case $$1 in ('') false ;; (__*) test "$$2" -ge 12 ;; (*) test "$$1" -ge 16 ;; esac && { echo $$c; exit; }; \
  done; echo g++)
DEFAULT_CXX := $(CXX)
endif
DEFAULT_CXX ?= g++

POLLER ?= $(NATIVE_POLLER)
CONTEXT ?= fast
SAN ?=

ifeq (,$(filter epoll kqueue poll,$(POLLER)))
$(error POLLER=$(POLLER) is not one of epoll, kqueue, poll)
endif
ifneq (,$(filter-out $(NATIVE_POLLER) poll,$(POLLER)))
$(error POLLER=$(POLLER) does not exist on $(SYSTEM): $(sort $(NATIVE_POLLER) poll) will do)
endif
ifeq (,$(filter fast ucontext,$(CONTEXT)))
$(error CONTEXT=$(CONTEXT) is not one of fast, ucontext)
endif
ifneq (,$(SAN))
ifeq (,$(filter asan tsan fuzz,$(SAN)))
$(error SAN=$(SAN) is not one of asan, tsan, fuzz)
endif
endif

empty :=
space := $(empty) $(empty)
FLAVOUR := $(SAN) $(filter-out $(NATIVE_POLLER),$(POLLER)) $(filter ucontext,$(CONTEXT))
FLAVOUR += $(if $(filter-out $(DEFAULT_CXX),$(CXX)),$(notdir $(lastword $(CXX))))
FLAVOUR := $(subst $(space),+,$(strip $(FLAVOUR)))
BUILD := build$(if $(FLAVOUR),/$(FLAVOUR))
OBJ := $(BUILD)/obj

# ---- The compiler: asked once, refused by name when it is too old ---------------------------------

WANTED := simul needs g++ 12 or later, or clang 16 or later (make doctor says how)
PROBE := $(shell printf 'is __clang_major__ __clang_minor__ __GNUC__ __GNUC_MINOR__ __x86_64__\n' \
           | $(CXX) -E -P -x c++ - 2>/dev/null | grep '^is ')
ifeq (,$(PROBE))
COMPILER := none
TOO_OLD := $(CXX) is not there or does not work: $(WANTED)
else ifeq ($(word 2,$(PROBE)),__clang_major__)
COMPILER := g++ $(word 4,$(PROBE)).$(word 5,$(PROBE))
TOO_OLD := $(if $(shell test $(word 4,$(PROBE)) -ge 12 || echo old),$(CXX) is $(COMPILER): $(WANTED))
else
COMPILER := clang $(word 2,$(PROBE)).$(word 3,$(PROBE))
TOO_OLD := $(if $(shell test $(word 2,$(PROBE)) -ge 16 || echo old),$(CXX) is $(COMPILER): $(WANTED))
endif

# These say something useful without a compiler.
NO_COMPILER_NEEDED := help doctor deps clean format map
ifneq (,$(TOO_OLD))
ifneq (,$(filter-out $(NO_COMPILER_NEEDED),$(or $(MAKECMDGOALS),all)))
$(error $(TOO_OLD))
endif
endif

# ---- Flags ---------------------------------------------------------------------------------------

OPTIMISE := -O2
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion $(if $(WERROR),-Werror)
CHOICES  := $(if $(filter-out $(NATIVE_POLLER),$(POLLER)),-DSIMUL_POLLER_$(shell echo $(POLLER) | tr a-z A-Z)) \
            $(if $(filter ucontext,$(CONTEXT)),-DSIMUL_CONTEXT_UCONTEXT)

# A fiber switch does not pair every call with a return, which a shadow stack would forbid. And no
# frame may be so large that it steps over the guard below a fiber's stack: it is probed page by page.
MACHINE := $(if $(filter 1,$(word 6,$(PROBE))),-fcf-protection=none -fstack-clash-protection)

SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANITIZE_tsan := -fsanitize=thread -fno-omit-frame-pointer
SANITIZE_fuzz := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# The tests' own sources are compiled in half the time without optimising; what they test is not.
TEST_FLAGS := -O0

# A sanitizer's report needs lines, not variables. In the tests' own sources the checks that take
# longest to compile are left out, and g++ 12 sees uninitialised members where there are none.
DEBUG := -g
ifneq (,$(SAN))
OPTIMISE := -O1
DEBUG := -g1
SANITIZE_asan += $(if $(filter g++,$(COMPILER)),-Wno-maybe-uninitialized)
TEST_FLAGS_asan := -fno-sanitize=null,alignment,object-size,vptr
endif

CXXFLAGS ?=
LDFLAGS ?=
FLAGS := -std=c++20 $(OPTIMISE) $(DEBUG) -pthread -I. $(MACHINE) $(WARNINGS) $(CHOICES) $(SANITIZE_$(SAN)) $(CXXFLAGS)
LINK_FLAGS := -pthread $(SANITIZE_$(SAN)) $(LDFLAGS)

# Where a package manager puts GoogleTest outside the compiler's own search path.
PREFIXES := $(wildcard /opt/homebrew /usr/local)
GTEST_FLAGS := $(PREFIXES:%=-isystem %/include)
GTEST_LIBS := $(patsubst %,-L%/lib,$(PREFIXES)) -lgtest

# ---- What there is -------------------------------------------------------------------------------

# Platform sources: epoll on Linux, kqueue on the BSDs and macOS, poll everywhere.
ALIEN := $(if $(filter epoll,$(NATIVE_POLLER)),,%/poller_epoll.cpp) $(if $(filter kqueue,$(NATIVE_POLLER)),,%/poller_kqueue.cpp)

MONKEY_SOURCE := $(wildcard runtime/fiber/monkey.cpp)
RUNTIME := $(filter-out $(ALIEN) $(MONKEY_SOURCE),$(sort $(wildcard runtime/*/*.cpp)))
COMMON  := $(sort $(wildcard lessons/common/*.cpp))
LESSONS := $(sort $(patsubst lessons/%/main.cpp,%,$(wildcard lessons/[0-9]*/main.cpp)))
VARIANTS := $(sort $(filter-out %/main.cpp,$(wildcard lessons/[0-9]*/*.cpp)))
SUPPORT := $(sort $(wildcard tests/support/*.cpp))
TESTS   := $(sort $(wildcard tests/*/*_test.cpp))
# Those that take real time come first, the longest before the others, so that they do not end last.
# What only reads the sources has nothing to sanitize.
SLOW    := $(filter tests/lessons/lessons_%,$(TESTS)) $(filter tests/lessons/lesson_%,$(TESTS))
TESTS   := $(SLOW) $(filter-out $(SLOW),$(TESTS))
ifneq (,$(SAN))
TESTS   := $(filter-out $(addprefix tests/project/,documents_test.cpp layers_test.cpp makefile_test.cpp support_test.cpp),$(TESTS))
endif
# SUITES="reactor http/chunked" builds and runs only tests/reactor/ and tests/http/chunked_test.
ifneq (,$(SUITES))
TESTS   := $(filter $(foreach s,$(SUITES),tests/$(s)/% tests/$(s)_test.cpp),$(TESTS))
endif
BENCHES := $(sort $(wildcard tests/bench/*_bench.cpp))
PEERS   := $(sort $(wildcard tests/bench/peers/*_bench.cpp))
FUZZERS := $(sort $(wildcard tests/fuzz/*_fuzz.cpp))

SOURCES := $(RUNTIME) $(MONKEY_SOURCE) $(COMMON) $(LESSONS:%=lessons/%/main.cpp) $(VARIANTS) \
           $(SUPPORT) $(TESTS) $(BENCHES) $(PEERS) $(FUZZERS)

object = $(patsubst %.cpp,$(OBJ)/%.o,$(1))
# lessons/05-blocking-http/url.cpp -> $(BUILD)/lessons/05-blocking-http.url
variant_binary = $(BUILD)/lessons/$(notdir $(patsubst %/,%,$(dir $(1)))).$(basename $(notdir $(1)))

LIBSIMUL  := $(if $(RUNTIME),$(BUILD)/libsimul.a)
LIBCOMMON := $(if $(COMMON),$(BUILD)/libcommon.a)
MONKEY    := $(call object,$(MONKEY_SOURCE))

LESSON_BINARIES  := $(LESSONS:%=$(BUILD)/lessons/%)
VARIANT_BINARIES := $(foreach source,$(VARIANTS),$(call variant_binary,$(source)))
TEST_BINARIES    := $(TESTS:%.cpp=$(BUILD)/%)
BENCH_BINARIES   := $(BENCHES:%.cpp=$(BUILD)/%)
FUZZ_BINARIES    := $(FUZZERS:%.cpp=$(BUILD)/%)

# ---- How it is made ------------------------------------------------------------------------------

# V=1 shows the commands. Progress goes to stderr: a program's stdout stays its own.
Q := $(if $(V),,@)
SAY = $(if $(V),@:,@printf '  %-4s %s\n' $(1) $(2) >&2)

.PHONY: all
all: $(LIBSIMUL) $(LIBCOMMON) $(MONKEY) $(LESSON_BINARIES) $(VARIANT_BINARIES)

# Other flags, other objects: this file changes when the command line does.
COMPILE := $(CXX) $(FLAGS)
.PHONY: FORCE
FORCE:
# (1) the file, (2) what it shall hold
define keep_current
@mkdir -p $(dir $(1))
@printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $(1) || printf '%s\n' '$(subst ','\'',$(2))' > $(1)
endef
$(BUILD)/flags: FORCE
	$(call keep_current,$@,$(COMPILE) / $(LINK_FLAGS) / $(COMPILER))

$(OBJ)/%.o: %.cpp $(BUILD)/flags
	$(call SAY,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(EXTRA_FLAGS) -MMD -MP -c -o $@ $<

# (1) a header: compiled once, for all that are given it with `-include`.
define compile_header
$(call SAY,CXX,$(1))
$(Q)$(COMPILE) $(EXTRA_FLAGS) -MD -MP -MF $(1).gch.d -MT $(1).gch -x c++-header -o $(1).gch.new $(1) && mv $(1).gch.new $(1).gch
endef

# A sanitizer's flavour, or a second compiler's, is built to be tested as a whole: there the headers
# that nearly everything includes are compiled once, which saves a third of the time. The plain build
# does without: in it, what a file forgets to include is missing. COMPILED_HEADERS=1 or =0 chooses.
COMPILED_HEADERS ?= $(if $(FLAVOUR),1,0)
ifeq (1,$(COMPILED_HEADERS))
CENTRAL := runtime/fiber/await.hpp runtime/fiber/fiber.hpp runtime/http/request_options.hpp \
           runtime/task/create_task.hpp runtime/task/run.hpp
SYSTEM_HEADERS := condition_variable deque map mutex sstream thread
PREFIX := $(BUILD)/prefix.hpp
$(PREFIX): FORCE
	@mkdir -p $(@D)
	@{ printf '#include "%s"\n' $(CENTRAL); printf '#include <%s>\n' $(SYSTEM_HEADERS); } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(PREFIX).gch: $(PREFIX) $(BUILD)/flags
	$(call compile_header,$(PREFIX))
$(PREFIX).gch: EXTRA_FLAGS :=
-include $(PREFIX).gch.d
PREFIXED := $(call object,$(RUNTIME) $(COMMON))
$(PREFIXED): $(PREFIX).gch
$(PREFIXED): EXTRA_FLAGS = -include $(PREFIX)
endif

-include $(patsubst %.o,%.d,$(call object,$(SOURCES)))

# What lesson.hpp includes, every lesson's program has anyway: compiled once, it hides no missing
# include (with COMPILED_HEADERS=1 it may). A miniature has nothing of ours, and some tools have
# command lines of their own.
LESSON_HEADER  := $(BUILD)/lesson.hpp
LESSON_OBJECTS := $(call object,$(LESSONS:%=lessons/%/main.cpp) $(filter-out %/miniature.cpp %/fetch.cpp %/url.cpp %/json.cpp,$(VARIANTS)))
$(LESSON_HEADER): FORCE
	@mkdir -p $(@D)
	@printf '#include "%s"\n' lessons/common/lesson.hpp $(PREFIX) > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(LESSON_HEADER).gch: $(LESSON_HEADER) $(PREFIX) $(BUILD)/flags
	$(call compile_header,$(LESSON_HEADER))
$(LESSON_HEADER).gch: EXTRA_FLAGS :=
-include $(LESSON_HEADER).gch.d
$(LESSON_OBJECTS): $(LESSON_HEADER).gch
$(LESSON_OBJECTS): EXTRA_FLAGS = -include $(LESSON_HEADER)

# The list of members: a source that is gone must leave its archive too.
$(BUILD)/runtime.list: FORCE
	$(call keep_current,$@,$(RUNTIME))
$(BUILD)/common.list: FORCE
	$(call keep_current,$@,$(COMMON))
$(BUILD)/libsimul.a: $(call object,$(RUNTIME)) $(BUILD)/runtime.list
$(BUILD)/libcommon.a: $(call object,$(COMMON)) $(BUILD)/common.list
$(BUILD)/%.a:
	$(call SAY,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

# Every program: its objects first, then our archives, the users before the used.
define link
$(call SAY,LD,$@)
@mkdir -p $(@D)
$(Q)$(CXX) $(LINK_FLAGS) -o $@ $(filter %.o,$^) $(LIBS) $(EXTRA_LIBS)
endef
LIBS = $(filter %/libcommon.a,$^) $(filter %/libsimul.a,$^)

$(LESSON_BINARIES): $(BUILD)/lessons/%: $(OBJ)/lessons/%/main.o $(LIBCOMMON) $(LIBSIMUL)
	$(link)

# These start programs of their own: workers, and clients.
$(BUILD)/lessons/15-job-queue: | $(BUILD)/lessons/15-job-queue.worker
$(BUILD)/lessons/22-scaling-out.cores: | $(BUILD)/lessons/19-web-server.load

# A miniature is the idea from nothing: it gets nothing of ours to link with.
define variant_rule
$(call variant_binary,$(1)): $(call object,$(1)) $(if $(filter %/miniature.cpp,$(1)),,$(LIBCOMMON) $(LIBSIMUL))
	$$(link)
endef
$(foreach source,$(VARIANTS),$(eval $(call variant_rule,$(source))))

# ---- Monkey --------------------------------------------------------------------------------------
# monkey.o defines `read`, `connect` and their like. In an archive it would be pulled into every
# program that reads; so it is an object, and a program that wants it is named here.

$(BUILD)/lessons/04-greenlets: $(MONKEY)
$(BUILD)/lessons/04-greenlets.short: $(MONKEY)
$(BUILD)/lessons/06-greenlet-http: $(MONKEY)
$(BUILD)/lessons/06-greenlet-http.short: $(MONKEY)
$(BUILD)/lessons/18-blocking-library: $(MONKEY)
$(filter $(BUILD)/tests/fiber/monkey_%,$(TEST_BINARIES)): $(MONKEY)
$(BUILD)/tests/bench/monkey_bench: $(MONKEY)

# ---- Tests ---------------------------------------------------------------------------------------

# Half of what a small test takes to compile is <gtest/gtest.h>. So that header is compiled once, and
# every test is given the result. It holds nothing else: what a file of ours forgets to include is as
# missing as before. Looked for at the moment it is needed, so that `make deps test` works in one go.
GTEST := $(BUILD)/gtest.hpp
$(GTEST): | $(if $(filter deps,$(MAKECMDGOALS)),deps)
	@mkdir -p $(@D)
	@printf '#include <gtest/gtest.h>\n$(if $(PREFIX),#include "$(PREFIX)"\n)' > $@
	@printf '#include <gtest/gtest.h>\n' | $(CXX) -std=c++20 $(GTEST_FLAGS) -fsyntax-only -x c++ - 2>/dev/null \
	 || { echo 'GoogleTest is missing: make deps installs it' >&2; exit 1; }
$(GTEST).gch: $(GTEST) $(PREFIX) $(BUILD)/flags
	$(call compile_header,$(GTEST))
-include $(GTEST).gch.d

TEST_OBJECTS := $(call object,$(SUPPORT) $(TESTS))
$(TEST_OBJECTS): $(GTEST).gch
$(TEST_OBJECTS) $(GTEST).gch: EXTRA_FLAGS := $(GTEST_FLAGS) $(TEST_FLAGS) $(TEST_FLAGS_$(SAN))
$(TEST_OBJECTS): EXTRA_FLAGS += -include $(GTEST)
# The promises about the stack hold at every level: the same tests three times, without the compiled
# header, which is for one level.
$(foreach level,0 1 2,$(eval $(OBJ)/tests/task/depth_o$(level)_test.o: EXTRA_FLAGS := $$(GTEST_FLAGS) $$(TEST_FLAGS) $$(TEST_FLAGS_$$(SAN)) -O$(level)))
$(TEST_BINARIES): EXTRA_LIBS += $(GTEST_LIBS)
$(TEST_BINARIES): $(BUILD)/%: $(OBJ)/%.o $(call object,$(SUPPORT)) $(LIBCOMMON) $(LIBSIMUL)
	$(link)

# A third-party library that knows nothing of us, to be patched: only where it is installed.
HAVE_CURL := $(if $(filter %monkey_curl_test.cpp,$(TESTS)),$(shell printf '\043include <curl/curl.h>\n' | $(CXX) -E -x c++ - >/dev/null 2>&1 && echo yes))
$(BUILD)/tests/fiber/monkey_curl_test: EXTRA_LIBS += $(if $(HAVE_CURL),-lcurl)

LIMIT ?= $(if $(SAN),300,120)
AT_ONCE ?= 2
.PHONY: test sanitize tsan
# Only these look at programs; the other suites do without the lessons.
LOOK_AT_PROGRAMS := $(filter tests/lessons/lesson% tests/lessons/timeline% tests/project/% %/real_servers_test.cpp,$(TESTS))
test: $(if $(LOOK_AT_PROGRAMS),all) $(TEST_BINARIES)
	@SIMUL_BUILD='$(CURDIR)/$(BUILD)' SIMUL_CXX='$(CXX)' tests/run.sh -j $(AT_ONCE) -t $(LIMIT) -f '$(T)' $(TEST_BINARIES)

sanitize:
	+@$(MAKE) --no-print-directory SAN=asan test
tsan:
	+@$(MAKE) --no-print-directory SAN=tsan test

# As many jobs as you like, where the suite has a hundred.
JOBS ?= 1000
.PHONY: soak
soak: $(BUILD)/tests/redis/queue_soak_test
	SIMUL_SOAK=$(JOBS) $<

# ---- Fuzzing -------------------------------------------------------------------------------------

FUZZ_CXX ?= $(shell for c in clang++-19 clang++-18 clang++-17 clang++-16 clang++; do command -v $$c >/dev/null 2>&1 && { echo $$c; exit; }; done; echo clang++)
S ?= 60
.PHONY: fuzz fuzz-run
fuzz:
	+@$(MAKE) --no-print-directory SAN=fuzz CXX='$(FUZZ_CXX)' fuzz-run
$(FUZZ_BINARIES): LINK_FLAGS += -fsanitize=fuzzer
$(FUZZ_BINARIES): $(BUILD)/%: $(OBJ)/%.o $(LIBSIMUL)
	$(link)
# The corpus that is kept is tests/fuzz/corpus/NAME; what is found on the way stays in build/, and so
# does the input that makes one fail.
fuzz-run: $(FUZZ_BINARIES)
	@for f in $(FUZZ_BINARIES); do \
	   name=$$(basename $$f _fuzz); found=$(BUILD)/corpus/$$name; kept=tests/fuzz/corpus/$$name; mkdir -p $$found; \
	   test -d $$kept || kept=; \
	   $$f -max_total_time=$(S) -print_funcs=0 -artifact_prefix=$(BUILD)/$$name- $$found $$kept >$(BUILD)/$$name.log 2>&1 \
	     || { cat $(BUILD)/$$name.log; echo "fuzz $$name: failed"; exit 1; }; \
	   echo "fuzz $$name: $$(grep '^Done ' $(BUILD)/$$name.log)"; \
	 done

# ---- Benchmarks ----------------------------------------------------------------------------------

# A peer is compared with only where it is installed. Its file says what it needs in two comments:
# `// needs: uv.h` and `// links: -luv`.
ifneq (,$(filter bench $(BUILD)/tests/bench/peers/%,$(MAKECMDGOALS)))
PEERS_HERE := $(shell for p in $(PEERS); do \
  if sed -n 's,^// needs: *\(.*\),\#include <\1>,p' $$p | $(CXX) -std=c++20 -E -x c++ - >/dev/null 2>&1; then echo $$p; fi; done)
endif
PEER_BINARIES := $(PEERS_HERE:%.cpp=$(BUILD)/%)
$(PEER_BINARIES): EXTRA_LIBS = $(shell sed -n 's,^// links: *,,p' $(patsubst $(BUILD)/%,%.cpp,$@))
$(BENCH_BINARIES) $(PEER_BINARIES): $(BUILD)/%: $(OBJ)/%.o $(LIBCOMMON) $(LIBSIMUL)
	$(link)

.PHONY: bench
bench: $(BENCH_BINARIES) $(PEER_BINARIES)
	@for b in $(BENCH_BINARIES) $(PEER_BINARIES); do $$b $(if $(B),'$(B)') || exit 1; done

# ---- Lessons -------------------------------------------------------------------------------------

# run-05, run-5, run-05.url: ARGS="..." goes to the program.
number = $(firstword $(subst -, ,$(1)))
define run_rule
.PHONY: $(sort run-$(1) run-$(patsubst 0%,%,$(1)))
$(sort run-$(1) run-$(patsubst 0%,%,$(1))): $(2)
	@$(2) $$(ARGS)
endef
$(foreach lesson,$(LESSONS),$(eval $(call run_rule,$(call number,$(lesson)),$(BUILD)/lessons/$(lesson))))
$(foreach source,$(VARIANTS),$(eval $(call run_rule,$(call number,$(notdir $(call variant_binary,$(source)))).$(basename $(notdir $(source))),$(call variant_binary,$(source)))))
run-%:
	@echo 'make $@: there is no such program; there are: $(sort $(foreach p,$(LESSONS) $(notdir $(VARIANT_BINARIES)),run-$(call number,$(p))$(suffix $(p))))' >&2; exit 2

.PHONY: tour
tour: $(LESSON_BINARIES)
	@lessons/tour.sh lessons/lessons.txt $(BUILD)/lessons

# L="03 04": only these.
.PHONY: pictures
pictures: $(LESSON_BINARIES) $(filter %/13-processes-and-threads.together %/18-blocking-library.files,$(VARIANT_BINARIES))
	@lessons/pictures.sh lessons/lessons.txt $(BUILD)/lessons lessons $(L)

# ---- Around the code -----------------------------------------------------------------------------

.PHONY: doctor deps
doctor:
	@.ci/doctor.sh '$(CXX)' '$(COMPILER)' '$(TOO_OLD)' '$(MAKE_VERSION)' '$(POLLER)' '$(GTEST_FLAGS)'
deps:
	@.ci/deps.sh '$(CXX)' '$(GTEST_FLAGS)'

CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= $(shell for c in clang-tidy-16 clang-tidy; do command -v $$c >/dev/null 2>&1 && { echo $$c; exit; }; done; echo clang-tidy)
.PHONY: format tidy map
format:
	@find runtime lessons tests -name '*.[ch]pp' -print | xargs $(CLANG_FORMAT) -i
tidy: compile_commands.json
	@printf '%s\n' $(RUNTIME) $(MONKEY_SOURCE) | xargs -n 1 -P 2 $(CLANG_TIDY) --quiet -p .

map:
	@.ci/map.sh runtime/README.md

# For editors, clangd and clang-tidy.
compile_commands.json: FORCE
	@{ separator='['; for f in $(SOURCES); do \
	   printf '%s\n {"directory": "%s", "file": "%s", "command": "%s"}' "$$separator" '$(CURDIR)' $$f \
	     '$(COMPILE) $(GTEST_FLAGS) -c '$$f; separator=','; done; echo; echo ']'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: clean
clean:
	rm -rf build compile_commands.json

.PHONY: help
help:
	@sed -n 's/^#: \{0,1\}//p' Makefile
#: simul: one event loop, five ways to wait on it
#:
#: Run
#:   make                    the library and every lesson
#:   make run-05             one lesson, in real time (run-05.url: another program of it)
#:                           ARGS="--help" goes to the program
#:   make tour               every lesson in order, and a table at the end
#:   make pictures           lessons/NN-name/timeline.svg from a run of each; L='03 04' only those
#:
#: Test
#:   make test               every test; T='TimerWheel*' only those, T=-'*Slow*' all but those;
#:                           SUITES='reactor http' builds and runs only these folders of tests/
#:   make sanitize           the same under AddressSanitizer and UndefinedBehaviorSanitizer
#:   make tsan               the same under ThreadSanitizer
#:   make soak JOBS=1000     that many jobs, while workers and a Redis server are killed
#:   make fuzz S=60          each fuzzer for 60 seconds (needs clang)
#:   make bench B=regex      lines `name value unit`; without B, every benchmark
#:
#: Set up
#:   make doctor             what is missing on this machine, and how to get it
#:   make deps               installs GoogleTest, which only the tests need
#:   make compile_commands.json   for editors and clangd
#:   make format, make tidy  clang-format, clang-tidy
#:   make map                brings the list of files in runtime/README.md up to date
#:   make clean              removes what was built
#:   make help               this page
#:
#: Choose, with any of them
#:   CXX=clang++-16          another compiler: g++ 12 or later, clang 16 or later
#:   POLLER=epoll|kqueue|poll     how the loop waits for descriptors
#:   CONTEXT=fast|ucontext   how a fiber switches
#:   WERROR=1                a warning is an error
#:   V=1                     shows every command;  -j4: four jobs at a time instead of two

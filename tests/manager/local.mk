# SPDX-License-Identifier: MIT
# Tests of what serves Xen's guests that need no hypervisor.
manager_tests = \
	tests/manager/test-config-files \
	tests/manager/test-confine \
	tests/manager/test-control \
	tests/manager/test-file-limit \
	tests/manager/test-gpu-config \
	tests/manager/test-hostile \
	tests/manager/test-life \
	tests/manager/test-manager \
	tests/manager/test-restart \
	tests/manager/test-service \
	tests/manager/test-tool

if XEN
if HAVE_CMOCKA
check_PROGRAMS += $(manager_tests)
TESTS += $(manager_tests)
endif
endif

MANAGER_TEST_CPPFLAGS = $(UNIT_CPPFLAGS) $(XEN_CFLAGS) $(JSONC_CFLAGS) -I$(srcdir)/backend
manager_test_libs = $(BACKEND_LIBS) $(CMOCKA_LIBS)
manager_check = tests/manager/check.c tests/manager/check.h

tests_manager_test_config_files_SOURCES = tests/manager/test-config-files.c $(manager_check)
tests_manager_test_config_files_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_config_files_LDADD = $(manager_test_libs)

tests_manager_test_confine_SOURCES = tests/manager/test-confine.c $(manager_check)
tests_manager_test_confine_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_confine_LDADD = $(manager_test_libs)

tests_manager_test_file_limit_SOURCES = tests/manager/test-file-limit.c $(manager_check)
tests_manager_test_file_limit_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_file_limit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getrlimit,--wrap=setrlimit
tests_manager_test_file_limit_LDADD = $(manager_test_libs)

tests_manager_test_gpu_config_SOURCES = tests/manager/test-gpu-config.c $(manager_check)
tests_manager_test_gpu_config_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_gpu_config_LDADD = $(manager_test_libs)

# A host without Xen: what is defined here is not taken from the libraries.
manager_world = $(manager_check) \
	tests/manager/fake_store.c \
	tests/manager/fake_store.h \
	tests/manager/fake_xen.c \
	tests/manager/fake_xen.h \
	tests/manager/world.c \
	tests/manager/world.h

tests_manager_test_life_SOURCES = tests/manager/test-life.c $(manager_world)
tests_manager_test_life_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_life_LDADD = $(manager_test_libs)

tests_manager_test_manager_SOURCES = tests/manager/test-manager.c $(manager_world)
tests_manager_test_manager_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_manager_LDADD = $(manager_test_libs)

tests_manager_test_hostile_SOURCES = tests/manager/test-hostile.c $(manager_world)
tests_manager_test_hostile_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_hostile_LDADD = $(manager_test_libs)

tests_manager_test_restart_SOURCES = tests/manager/test-restart.c $(manager_world)
tests_manager_test_restart_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_restart_LDADD = $(manager_test_libs)

tests_manager_test_control_SOURCES = tests/manager/test-control.c $(manager_world)
tests_manager_test_control_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_control_LDADD = $(manager_test_libs)

tests_manager_test_service_SOURCES = tests/manager/test-service.c $(manager_world)
tests_manager_test_service_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS) -I$(srcdir)/tests/wire
tests_manager_test_service_LDADD = tests/wire/libnull.a $(manager_test_libs)

tests_manager_test_tool_SOURCES = tests/manager/test-tool.c $(manager_world)
tests_manager_test_tool_CPPFLAGS = $(MANAGER_TEST_CPPFLAGS)
tests_manager_test_tool_LDADD = $(manager_test_libs)

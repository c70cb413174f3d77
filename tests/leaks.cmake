# Under AddressSanitizer: support/leaks.c goes into every test executable, and support/leaky shows
# that it works.  The exit status of a sanitizer's report is one that no test expects.

target_sources(test_support INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/support/leaks.c)
target_link_options(test_support INTERFACE -Wl,--wrap=criterion_internal_test_main)
list(APPEND OZ_TEST_ENVIRONMENT
  ASAN_OPTIONS=exitcode=86:detect_leaks=1
  LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/leaks.supp:print_suppressions=0
  UBSAN_OPTIONS=print_stacktrace=1:exitcode=86)

add_executable(leaky support/leaky/leaky.c)
target_link_libraries(leaky PRIVATE test_support)
foreach(case IN ITEMS leak_in_test leak_in_teardown leak_with_parameter
    overflow_in_test overflow_in_teardown undefined_behaviour)
  oz_test(leaky_${case} leaky --filter leaky/${case})
  set_tests_properties(leaky_${case} PROPERTIES WILL_FAIL ON)
endforeach()

# All six run, and fail for their own reason: the sound parameter is the only pass.
oz_test(leaky_all leaky)
set_tests_properties(leaky_all PROPERTIES PASS_REGULAR_EXPRESSION "Tested: 7 . Passing: 1 . Failing: 6")

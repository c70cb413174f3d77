# What a builder may choose.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

option(OZ_ONEDNN "Offer oneDNN as a rival for dense layers" ON)
option(OZ_WERROR "Turn warnings into errors" ${PROJECT_IS_TOP_LEVEL})
option(OZ_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(OZ_COVERAGE "Count executed lines for gcov" OFF)
set(OZ_SANITIZE "" CACHE STRING "Sanitizers to build with, as in -fsanitize=")

set(OZ_SHARED_DATA_DEFAULT "")
if(EXISTS ${PROJECT_SOURCE_DIR}/../shared/data)
  get_filename_component(OZ_SHARED_DATA_DEFAULT ${PROJECT_SOURCE_DIR}/../shared/data REALPATH)
endif()
set(OZ_SHARED_DATA "${OZ_SHARED_DATA_DEFAULT}" CACHE PATH "Optional pack of models and data for the tests")

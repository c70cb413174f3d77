# The libraries that Ounce stands on, each as an interface target oz_<name>.
#
# In the build a target carries the paths that were found; once installed, only the names, so that
# the exported targets can be moved to another machine.

function(oz_dependency name)
  cmake_parse_arguments(ARG "" "HEADER;PACKAGE" "LIBRARIES" ${ARGN})
  add_library(oz_${name} INTERFACE)
  find_path(OZ_${name}_INCLUDE ${ARG_HEADER})
  mark_as_advanced(OZ_${name}_INCLUDE)
  if(NOT OZ_${name}_INCLUDE)
    message(FATAL_ERROR "${ARG_HEADER} not found: install ${ARG_PACKAGE} (Debian), or run scripts/setup.")
  endif()
  target_include_directories(oz_${name} SYSTEM INTERFACE $<BUILD_INTERFACE:${OZ_${name}_INCLUDE}>)
  foreach(library IN LISTS ARG_LIBRARIES)
    find_library(OZ_${library}_LIBRARY ${library})
    mark_as_advanced(OZ_${library}_LIBRARY)
    if(NOT OZ_${library}_LIBRARY)
      message(FATAL_ERROR "lib${library} not found: install ${ARG_PACKAGE} (Debian), or run scripts/setup.")
    endif()
    target_link_libraries(oz_${name} INTERFACE
      $<BUILD_INTERFACE:${OZ_${library}_LIBRARY}> $<INSTALL_INTERFACE:${library}>)
  endforeach()
  set_target_properties(oz_${name} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS oz_${name} EXPORT ounce-targets)
endfunction()

oz_dependency(xxhash HEADER xxhash.h LIBRARIES xxhash PACKAGE libxxhash-dev)
oz_dependency(jsmn HEADER jsmn.h PACKAGE libjsmn-dev)
oz_dependency(jansson HEADER jansson.h LIBRARIES jansson PACKAGE libjansson-dev)
oz_dependency(zlib HEADER zlib.h LIBRARIES z PACKAGE zlib1g-dev)
if(OZ_ONEDNN)
  oz_dependency(onednn HEADER dnnl.h LIBRARIES dnnl PACKAGE libdnnl-dev)
  # It brings threads of its own, on GCC's OpenMP runtime, which kernels/onednn.c tells to stay on the calling
  # one. Every compiler that works on Debian finds that where GCC keeps it.
  target_link_libraries(oz_onednn INTERFACE gomp)
endif()

# Threads are POSIX threads; where the C library has them, this adds nothing.
set(THREADS_PREFER_PTHREAD_FLAG OFF)
find_package(Threads REQUIRED)
add_library(oz_threads INTERFACE)
target_link_libraries(oz_threads INTERFACE ${CMAKE_THREAD_LIBS_INIT})
set_target_properties(oz_threads PROPERTIES EXPORT_NAME threads)
install(TARGETS oz_threads EXPORT ounce-targets)

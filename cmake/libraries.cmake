# The products: libounce (L0 to L3) and libounce-tools (L4), each shared and static.
#
# Only oz_ symbols marked OZ_API leave a shared library.  libounce-tools uses internals of base and
# formats, which libounce hides, so it carries a copy of what it needs of them, hidden in turn.

set(OZ_VERSION_SCRIPT ${PROJECT_SOURCE_DIR}/cmake/ounce.map)
set(OZ_PRODUCTS "")

# oz_product(target SHARED|STATIC OUTPUT name COMPONENTS ... PUBLIC ... PRIVATE ...)
function(oz_product target kind)
  cmake_parse_arguments(ARG "" "OUTPUT" "COMPONENTS;PUBLIC;PRIVATE" ${ARGN})
  set(objects "")
  foreach(component IN LISTS ARG_COMPONENTS)
    if(TARGET ounce_${component})
      list(APPEND objects $<TARGET_OBJECTS:ounce_${component}>)
    endif()
  endforeach()
  if(NOT objects)
    return()
  endif()
  add_library(${target} ${kind} ${objects})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${ARG_OUTPUT} LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION 0)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  oz_link(${target} PUBLIC ${ARG_PUBLIC})
  oz_link(${target} PRIVATE ${ARG_PRIVATE})
  target_link_libraries(${target} PRIVATE m $<BUILD_INTERFACE:ounce_flags>)
  if(kind STREQUAL SHARED)
    target_link_options(${target} PRIVATE -Wl,--version-script=${OZ_VERSION_SCRIPT} -Wl,--as-needed)
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${OZ_VERSION_SCRIPT})
  endif()
  set(OZ_PRODUCTS ${OZ_PRODUCTS} ${target} PARENT_SCOPE)
endfunction()

set(core COMPONENTS base formats kernels runtime PRIVATE oz_xxhash oz_onednn oz_threads)
set(tools COMPONENTS converters evaluate)
oz_product(ounce SHARED OUTPUT ounce ${core})
oz_product(ounce_static STATIC OUTPUT ounce ${core})
oz_product(ounce_tools SHARED OUTPUT ounce-tools ${tools} PUBLIC ounce
  PRIVATE oz_jansson oz_zlib ounce_formats ounce_base)
oz_product(ounce_tools_static STATIC OUTPUT ounce-tools ${tools} PUBLIC ounce_static
  PRIVATE oz_jansson oz_zlib)

foreach(target IN LISTS OZ_PRODUCTS)
  string(REPLACE ounce_tools tools name ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(ounce::${name} ALIAS ${target})
endforeach()
if(TARGET ounce_tools)
  target_link_options(ounce_tools PRIVATE -Wl,--exclude-libs,libounce_formats.a:libounce_base.a)
endif()

# oz_component(name FOLDERS ... USES ...): the static library ounce_<name> of every .c file in FOLDERS.
#
# A component without sources is left out; whoever names it in USES then links without it.  The
# library is position independent, because its objects also go into the shared libraries.

function(oz_sources out)
  set(all "")
  foreach(folder IN LISTS ARGN)
    file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
    list(APPEND all ${found})
  endforeach()
  set(${out} "${all}" PARENT_SCOPE)
endfunction()

# Links those of the targets that exist.
function(oz_link target scope)
  foreach(other IN LISTS ARGN)
    if(TARGET ${other})
      target_link_libraries(${target} ${scope} ${other})
    endif()
  endforeach()
endfunction()

function(oz_component name)
  cmake_parse_arguments(ARG "" "" "FOLDERS;USES" ${ARGN})
  oz_sources(sources ${ARG_FOLDERS})
  oz_select_isas(sources)
  if(NOT sources)
    message(STATUS "ounce_${name}: no sources")
    return()
  endif()
  add_library(ounce_${name} STATIC ${sources})
  target_link_libraries(ounce_${name} PRIVATE ounce_flags)
  oz_link(ounce_${name} PUBLIC ${ARG_USES})
endfunction()

# A kernel file's name ends in its instruction set, what__isa.c, and that alone decides its flags.
# Files of another processor family are left out.

# Functions begin with a line of the instruction cache: else the loops of one kernel move within theirs when another
# kernel changes, which has cost sparse MobileNet a tenth.
set(OZ_ISA_FLAGS_scalar -falign-functions=64)
set(OZ_ISA_FLAGS_avx2 ${OZ_ISA_FLAGS_scalar} -mavx2 -mfma -mf16c -mbmi2)
set(OZ_ISA_FLAGS_avx512 ${OZ_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(OZ_ISA_FLAGS_avx512vnni ${OZ_ISA_FLAGS_avx512} -mavx512vnni -mavx512vbmi -mavx512vbmi2)

set(OZ_ISAS scalar)
set(OZ_FOREIGN_ISAS avx2 avx512 avx512vnni)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(OZ_ISAS scalar avx2 avx512 avx512vnni)
  set(OZ_FOREIGN_ISAS "")
  target_compile_definitions(ounce_flags INTERFACE OZ_X86=1)
endif()

# Drops foreign files from the list and gives the others their flags.
function(oz_select_isas list)
  set(sources ${${list}})
  foreach(isa IN LISTS OZ_FOREIGN_ISAS)
    list(FILTER sources EXCLUDE REGEX "__${isa}\\.c$")
  endforeach()
  set(unknown ${sources})
  list(FILTER unknown INCLUDE REGEX "__[a-z0-9]+\\.c$")
  foreach(isa IN LISTS OZ_ISAS)
    set(files ${sources})
    list(FILTER files INCLUDE REGEX "__${isa}\\.c$")
    list(FILTER unknown EXCLUDE REGEX "__${isa}\\.c$")
    if(files)
      set_source_files_properties(${files} PROPERTIES COMPILE_OPTIONS "${OZ_ISA_FLAGS_${isa}}")
    endif()
  endforeach()
  if(unknown)
    message(FATAL_ERROR "Unknown instruction set in the name of ${unknown}")
  endif()
  set(${list} "${sources}" PARENT_SCOPE)
endfunction()

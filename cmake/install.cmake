# make install: libraries, headers, find_package(ounce) and pkg-config.

include(CMakePackageConfigHelpers)
set(OZ_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/ounce)

install(TARGETS ${OZ_PRODUCTS} EXPORT ounce-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ounce DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")
install(EXPORT ounce-targets NAMESPACE ounce:: DESTINATION ${OZ_CMAKE_DIR})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/ounce-config.cmake.in
  ${PROJECT_BINARY_DIR}/ounce-config.cmake INSTALL_DESTINATION ${OZ_CMAKE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ounce-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ounce-config.cmake ${PROJECT_BINARY_DIR}/ounce-config-version.cmake
  DESTINATION ${OZ_CMAKE_DIR})

# The .pc files find everything relative to themselves, so that an installed tree can be moved.
file(RELATIVE_PATH OZ_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH OZ_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH OZ_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})

# What a static link needs besides: the optional libraries of this very build.
set(OZ_PC_PRIVATE "-lxxhash")
if(OZ_ONEDNN)
  string(APPEND OZ_PC_PRIVATE " -ldnnl -lgomp")
endif()
if(CMAKE_THREAD_LIBS_INIT)
  string(APPEND OZ_PC_PRIVATE " ${CMAKE_THREAD_LIBS_INIT}")
endif()
foreach(product IN ITEMS ounce ounce-tools)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${product}.pc.in ${PROJECT_BINARY_DIR}/${product}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${product}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()

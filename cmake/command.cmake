# The command, linked statically against our own libraries: build/<preset>/ounce runs from anywhere.

oz_sources(sources cli cli/bench)
if(sources)
  add_executable(ounce_command ${sources})
  target_link_libraries(ounce_command PRIVATE ounce_flags)
  oz_link(ounce_command PRIVATE ounce_tools_static ounce_static oz_jansson)
  set_target_properties(ounce_command PROPERTIES
    OUTPUT_NAME ounce RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  install(TARGETS ounce_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

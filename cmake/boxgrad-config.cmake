# find_package(boxgrad 0.1 REQUIRED COMPONENTS eigen OPTIONAL_COMPONENTS xtensor cuda xsimd openmp)
# Looks for the libraries of the components that were asked for, and for no others.
include("${CMAKE_CURRENT_LIST_DIR}/boxgrad-targets.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/boxgrad-components.cmake")

foreach(component IN LISTS boxgrad_FIND_COMPONENTS)
  boxgrad_add_component(${component})
  if(boxgrad_FIND_REQUIRED_${component} AND NOT boxgrad_${component}_FOUND)
    set(boxgrad_FOUND FALSE)
    string(APPEND boxgrad_NOT_FOUND_MESSAGE
           "component ${component} ${boxgrad_${component}_MESSAGE}\n")
  endif()
endforeach()
unset(component)

# SPDX-License-Identifier: MIT

# XV_ADD_CFLAGS(VARIABLE, FLAGS, [IF-NOT]): append FLAGS to VARIABLE if programs compile and link
# with them.
AC_DEFUN([XV_ADD_CFLAGS], [
    AC_MSG_CHECKING([whether $CC takes $2])
    xv_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM], [xv_ok=yes], [xv_ok=no])
    CFLAGS=$xv_saved_CFLAGS
    AC_MSG_RESULT([$xv_ok])
    AS_IF([test $xv_ok = yes], [$1="${$1} $2"], [$3])
])

# XV_VULKAN_REGISTRY: which vk.xml the code is generated from, and the headers that belong to it.
#
# Sets VK_REGISTRY, VK_REGISTRY_VERSION, VK_HEADERS_CPPFLAGS, and VK_CONFIGURE_FLAGS, which
# make another configure choose the same.  The generated code names every
# struct and enum of the registry, so the headers must be of the same version.
AC_DEFUN([XV_VULKAN_REGISTRY], [
    AC_ARG_WITH([vk-registry],
        [AS_HELP_STRING([--with-vk-registry=FILE],
            [generate the decoder from this vk.xml (default: the one installed with the headers)])])
    AC_ARG_WITH([vulkan-headers],
        [AS_HELP_STRING([--with-vulkan-headers=DIR],
            [folder that has vulkan/vulkan_core.h of the version of the registry
             (default: found next to --with-vk-registry)])])
    AC_SUBST([VK_REGISTRY])
    AC_SUBST([VK_REGISTRY_VERSION])
    AC_SUBST([VK_HEADERS_CPPFLAGS])
    AC_SUBST([VK_CONFIGURE_FLAGS])

    VK_REGISTRY=
    xv_headers=
    AS_CASE([$with_vk_registry], [yes|no|''], [], [
        AS_IF([test ! -r "$with_vk_registry"],
            [AC_MSG_ERROR([cannot read --with-vk-registry=$with_vk_registry])])
        VK_REGISTRY=$(cd "$(dirname "$with_vk_registry")" && pwd)/$(basename "$with_vk_registry")
        # PREFIX/share/vulkan/registry/vk.xml where installed, PREFIX/registry/vk.xml in a checkout
        for xv_dir in "${VK_REGISTRY%/share/vulkan/registry/*}" "${VK_REGISTRY%/registry/*}"; do
            AS_IF([test -z "$xv_headers" && test -r "$xv_dir/include/vulkan/vulkan_core.h"],
                [xv_headers=$xv_dir/include])
        done])
    AS_CASE([$with_vulkan_headers], [yes|no|''], [], [xv_headers=$with_vulkan_headers])

    AC_MSG_CHECKING([for the Vulkan registry])
    AS_IF([test -z "$VK_REGISTRY"], [
        for xv_dir in "$($PKG_CONFIG --variable=prefix vulkan)" /usr/local /usr; do
            AS_IF([test -z "$VK_REGISTRY" && test -r "$xv_dir/share/vulkan/registry/vk.xml"],
                [VK_REGISTRY=$xv_dir/share/vulkan/registry/vk.xml])
        done])
    AS_IF([test -z "$VK_REGISTRY"], [
        AC_MSG_RESULT([no])
        AC_MSG_ERROR([vk.xml not found: it comes with the Vulkan headers
  (Debian: libvulkan-dev); or say where it is with --with-vk-registry=FILE])])
    AC_MSG_RESULT([$VK_REGISTRY])
    VK_CONFIGURE_FLAGS="--with-vk-registry=$VK_REGISTRY"
    VK_HEADERS_CPPFLAGS=
    # Only Vulkan's own folders: the folder may also hold headers of another C library.
    AS_IF([test -n "$xv_headers" && test "$xv_headers" != /usr/include], [
        AS_IF([test ! -r "$xv_headers/vulkan/vulkan_core.h"],
            [AC_MSG_ERROR([there is no vulkan/vulkan_core.h in $xv_headers])])
        xv_headers=$(cd "$xv_headers" && pwd)
        AS_MKDIR_P([vulkan-headers])
        for xv_dir in vulkan vk_video; do
            rm -f vulkan-headers/$xv_dir
            ln -s "$xv_headers/$xv_dir" vulkan-headers/$xv_dir
        done
        VK_HEADERS_CPPFLAGS="-isystem $(pwd)/vulkan-headers"
        VK_CONFIGURE_FLAGS="$VK_CONFIGURE_FLAGS --with-vulkan-headers=$xv_headers"])

    AC_MSG_CHECKING([for the version of the registry])
    # The first match: those of Vulkan SC come after it.
    VK_REGISTRY_VERSION=$(sed -n \
        's|.*VK_HEADER_VERSION_COMPLETE</name>.*(0, *\([[0-9]]*\), *\([[0-9]]*\),.*|\1.\2|p' \
        "$VK_REGISTRY" | head -n 1).$(sed -n \
        's|.*<name>VK_HEADER_VERSION</name> *\([[0-9]]*\)<.*|\1|p' "$VK_REGISTRY" | head -n 1)
    AC_MSG_RESULT([$VK_REGISTRY_VERSION])
    AS_VERSION_COMPARE([$VK_REGISTRY_VERSION], [1.3.239],
        [AC_MSG_ERROR([$VK_REGISTRY is of version "$VK_REGISTRY_VERSION", older than 1.3.239])])

    AC_MSG_CHECKING([for the version of the Vulkan headers])
    xv_saved_CPPFLAGS=$CPPFLAGS
    CPPFLAGS="$VK_HEADERS_CPPFLAGS $VULKAN_CFLAGS $CPPFLAGS"
    AC_COMPUTE_INT([xv_major], [VK_API_VERSION_MAJOR(VK_HEADER_VERSION_COMPLETE)],
        [[#include <vulkan/vulkan_core.h>]], [xv_major=0])
    AC_COMPUTE_INT([xv_minor], [VK_API_VERSION_MINOR(VK_HEADER_VERSION_COMPLETE)],
        [[#include <vulkan/vulkan_core.h>]], [xv_minor=0])
    AC_COMPUTE_INT([xv_patch], [VK_HEADER_VERSION], [[#include <vulkan/vulkan_core.h>]],
        [xv_patch=0])
    CPPFLAGS=$xv_saved_CPPFLAGS
    AC_MSG_RESULT([$xv_major.$xv_minor.$xv_patch])
    AS_IF([test "$xv_major.$xv_minor.$xv_patch" != "$VK_REGISTRY_VERSION"],
        [AC_MSG_ERROR([the Vulkan headers are of version $xv_major.$xv_minor.$xv_patch, but
  $VK_REGISTRY is of $VK_REGISTRY_VERSION: they must be the same.
  --with-vulkan-headers=DIR says where headers of that version are])])
])

# SPDX-License-Identifier: MIT
# Which Debian packages are needed for what, and installing them.

# To build everything and run the unit tests.
packages_build="gcc libc6-dev make autoconf automake pkg-config python3 libvulkan-dev libcmocka-dev
    glslang-tools procps xz-utils libcap-ng-dev libjson-c-dev libxen-dev"
# To run applications natively and through Venus.
packages_run="mesa-vulkan-drivers vulkan-tools vkmark"
# What ./quickstart check and bench need on top.
packages_check="clang libclang-rt-dev llvm vulkan-validationlayers virgl-server valgrind strace"
packages_check_sid="libggml0-backend-vulkan llama.cpp-tests ffmpeg"
# To build for ARM64 on another machine: everything in SUITE-arm64 of Debian 13, elsewhere only
# kernel modules.
packages_module="gcc-aarch64-linux-gnu make kmod"
packages_cross="$packages_module libc6-dev libc6-dev:arm64 autoconf automake pkg-config python3
    libvulkan-dev:arm64 libxen-dev:arm64 libjson-c-dev:arm64 libcap-ng-dev:arm64
    libsystemd-dev:arm64 glslang-tools"

# packages SUITE USE: what USE (run, check) needs in a suite.  Debian 12 has no Venus driver and is
# only built on, and needs roots of others.  SUITE-arm64 is the suite with compilers for ARM64.
packages()
{
    case $1,$2 in
    trixie-arm64,*) echo $packages_cross ;;
    *-arm64,*) echo $packages_module ;;
    bookworm,*) echo $packages_build clang mmdebstrap ;;
    sid,*) echo $packages_build $packages_run $packages_check $packages_check_sid ;;
    *,run) echo $packages_build $packages_run ;;
    *) echo $packages_build $packages_run $packages_check ;;
    esac
}

# packages_missing [--root DIR] PACKAGE...: those that are not installed.
packages_missing()
{
    local root=/ package
    if [ "$1" = --root ]; then
        root=$2
        shift 2
    fi
    for package in "$@"; do
        dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Status}\n' "$package" 2>/dev/null |
            grep -q ' installed$' || printf '%s ' "$package"
    done
}

# retry MESSAGE COMMAND...: up to three times.  Downloads need it: a mirror of a moving suite can
# lose a package between the download of its list and of the package.
retry()
{
    local what=$1 i
    shift
    for i in 1 2 3; do
        "$@" && return
        echo "$what failed (attempt $i of 3)"
        sleep $((i * 5))
    done
    return 1
}

packages_install_once()
{
    # One broken third-party source must not stop us: what matters is whether install works.
    apt-get update || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# packages_install PACKAGE...: install those that are missing on this machine; needs root.
packages_install()
{
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "These packages are missing, and only root can install them:" >&2
        echo "  apt-get install $missing" >&2
        return 1
    fi
    retry "installing $missing" packages_install_once $missing
}

# The URI of the mirror that this machine's apt uses for Debian itself; nothing if not known.
packages_mirror()
{
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$(. /etc/os-release && echo "$VERSION_CODENAME")" \
            '$1 == suite && $2 == "main" { print $3; exit }'
}

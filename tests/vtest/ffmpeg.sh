#!/bin/bash
# SPDX-License-Identifier: MIT
# ffmpeg.sh CLIENT HOST: two seconds of video, blurred by ffmpeg's gblur_vulkan filter, have the
# same MD5 sum through Venus as natively.
set -u
. "${0%/*}/common.sh"
need /usr/bin/ffmpeg
video=testsrc2=size=640x360:rate=25:duration=2
filters=format=yuv420p,hwupload,gblur_vulkan=sigma=4,hwdownload,format=yuv420p

# blur COMMAND...: print the line MD5=... of the result.
blur()
{
    "$@" ffmpeg -nostdin -hide_banner -loglevel warning -init_hw_device vulkan=gpu \
        -filter_hw_device gpu -f lavfi -i "$video" -vf "$filters" -f md5 -
}

start_server || exit
native=$(blur natively "$application_suite" 60) || exit
venus=$(blur through_venus 60) || exit
stop_daemon "$socket" || exit
echo "natively $native, through Venus $venus"
[[ $native == MD5=* ]] && [ "$native" = "$venus" ]

/* SPDX-License-Identifier: MIT */
/*
 * Lost devices: what the driver knows about why, for the log.  The client learns no more than the
 * error itself.
 */
#include <inttypes.h>

#include "instance.h"

#define MAX_ADDRESSES 8
#define MAX_VENDORS   8

static const char *address_type(VkDeviceFaultAddressTypeEXT type)
{
    static const char *const names[] = {
        [VK_DEVICE_FAULT_ADDRESS_TYPE_NONE_EXT] = "no particular access",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_READ_INVALID_EXT] = "invalid read",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_WRITE_INVALID_EXT] = "invalid write",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_EXECUTE_INVALID_EXT] = "invalid execution",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_UNKNOWN_EXT] = "instruction pointer",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_INVALID_EXT] =
            "invalid instruction pointer",
        [VK_DEVICE_FAULT_ADDRESS_TYPE_INSTRUCTION_POINTER_FAULT_EXT] =
            "instruction pointer at a fault",
    };
    return (unsigned)type < sizeof(names) / sizeof(names[0]) ? names[type] : "access";
}

/* By VK_EXT_device_fault, which device.c enables where the host has it. */
static void log_fault(const struct venus_device *device)
{
    VkDeviceFaultAddressInfoEXT addresses[MAX_ADDRESSES];
    VkDeviceFaultVendorInfoEXT vendors[MAX_VENDORS];
    VkDeviceFaultCountsEXT counts = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_COUNTS_EXT,
        .addressInfoCount = MAX_ADDRESSES,
        .vendorInfoCount = MAX_VENDORS,
    };
    VkDeviceFaultInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_FAULT_INFO_EXT,
        .pAddressInfos = addresses,
        .pVendorInfos = vendors,
    };
    if (!device->vk.GetDeviceFaultInfoEXT ||
        device->vk.GetDeviceFaultInfoEXT(device->handle, &counts, &info) < 0)
        return;
    struct venus_context *context = device->context;
    venus_log_client(context, VENUS_LOG_ERROR, "device fault: %.*s", VK_MAX_DESCRIPTION_SIZE,
                     info.description);
    for (uint32_t i = 0; i < counts.addressInfoCount && i < MAX_ADDRESSES; i++)
        venus_log_client(context, VENUS_LOG_ERROR,
                         "device fault: %s at 0x%" PRIx64 ", within 0x%" PRIx64 " bytes",
                         address_type(addresses[i].addressType), addresses[i].reportedAddress,
                         addresses[i].addressPrecision);
    for (uint32_t i = 0; i < counts.vendorInfoCount && i < MAX_VENDORS; i++)
        venus_log_client(context, VENUS_LOG_ERROR,
                         "device fault: %.*s, code 0x%" PRIx64 ", data 0x%" PRIx64,
                         VK_MAX_DESCRIPTION_SIZE, vendors[i].description,
                         vendors[i].vendorFaultCode, vendors[i].vendorFaultData);
}

void venus_device_lost(struct venus_device *device, const char *command)
{
    if (atomic_exchange(&device->lost, true))
        return;
    venus_log_client(device->context, VENUS_LOG_ERROR, "%s: %s is lost, says its driver", command,
                     device->physical_device->properties.deviceName);
    log_fault(device);
}

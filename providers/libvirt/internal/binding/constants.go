//nolint:revive // the names are those of libvirt's official Go binding, which could take this package's place
package binding

// The error numbers that the provider tells apart.
const (
	ERR_INTERNAL_ERROR    ErrorNumber = 1
	ERR_NETWORK_EXIST     ErrorNumber = 37
	ERR_SYSTEM_ERROR      ErrorNumber = 38
	ERR_NO_DOMAIN         ErrorNumber = 42
	ERR_NO_NETWORK        ErrorNumber = 43
	ERR_AUTH_FAILED       ErrorNumber = 45
	ERR_NO_STORAGE_POOL   ErrorNumber = 49
	ERR_NO_STORAGE_VOL    ErrorNumber = 50
	ERR_OPERATION_INVALID ErrorNumber = 55
	ERR_AUTH_CANCELLED    ErrorNumber = 79
	ERR_ACCESS_DENIED     ErrorNumber = 88
	ERR_STORAGE_VOL_EXIST ErrorNumber = 90
	ERR_AUTH_UNAVAILABLE  ErrorNumber = 94
)

// The states of a domain.
const (
	DOMAIN_NOSTATE     DomainState = 0
	DOMAIN_RUNNING     DomainState = 1
	DOMAIN_BLOCKED     DomainState = 2
	DOMAIN_PAUSED      DomainState = 3
	DOMAIN_SHUTDOWN    DomainState = 4
	DOMAIN_SHUTOFF     DomainState = 5
	DOMAIN_CRASHED     DomainState = 6
	DOMAIN_PMSUSPENDED DomainState = 7
)

// Reasons of DOMAIN_PAUSED and DOMAIN_SHUTOFF.
const (
	DOMAIN_PAUSED_USER        = 1
	DOMAIN_PAUSED_IOERROR     = 5
	DOMAIN_PAUSED_CRASHED     = 10
	DOMAIN_PAUSED_STARTING_UP = 11
	DOMAIN_SHUTOFF_CRASHED    = 3
	DOMAIN_SHUTOFF_FAILED     = 6
)

// DOMAIN_XML_INACTIVE is what the domain will be at its next start.
const DOMAIN_XML_INACTIVE DomainXMLFlags = 1 << 1

// DOMAIN_SHUTDOWN_ACPI_POWER_BTN presses the power button.
const DOMAIN_SHUTDOWN_ACPI_POWER_BTN DomainShutdownFlags = 1 << 0

// DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND adds the keys to those that are there.
const DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND DomainAuthorizedSSHKeysSetFlags = 1 << 0

// What may stand in the way of removing a domain.
const (
	DOMAIN_UNDEFINE_MANAGED_SAVE         DomainUndefineFlagsValues = 1 << 0
	DOMAIN_UNDEFINE_SNAPSHOTS_METADATA   DomainUndefineFlagsValues = 1 << 1
	DOMAIN_UNDEFINE_NVRAM                DomainUndefineFlagsValues = 1 << 2
	DOMAIN_UNDEFINE_CHECKPOINTS_METADATA DomainUndefineFlagsValues = 1 << 4
)

// The disk errors.
const (
	DOMAIN_DISK_ERROR_UNSPEC   DomainDiskErrorCode = 1
	DOMAIN_DISK_ERROR_NO_SPACE DomainDiskErrorCode = 2
)

// The update commands.
const (
	NETWORK_UPDATE_COMMAND_MODIFY   NetworkUpdateCommand = 1
	NETWORK_UPDATE_COMMAND_DELETE   NetworkUpdateCommand = 2
	NETWORK_UPDATE_COMMAND_ADD_LAST NetworkUpdateCommand = 3
)

// The sections of a network's XML.
const (
	NETWORK_SECTION_IP_DHCP_HOST NetworkUpdateSection = 4
	NETWORK_SECTION_DNS_HOST     NetworkUpdateSection = 10
)

// The update flags.
const (
	NETWORK_UPDATE_AFFECT_LIVE   NetworkUpdateFlags = 1 << 0
	NETWORK_UPDATE_AFFECT_CONFIG NetworkUpdateFlags = 1 << 1
)

// NETWORK_XML_INACTIVE is what the network will be at its next start.
const NETWORK_XML_INACTIVE NetworkXMLFlags = 1 << 0

// STORAGE_POOL_CREATE_WITH_BUILD makes the pool's folder where it is missing.
const STORAGE_POOL_CREATE_WITH_BUILD StoragePoolCreateFlags = 1 << 0

// STORAGE_VOL_GET_PHYSICAL puts the file's length into Allocation.
const STORAGE_VOL_GET_PHYSICAL StorageVolInfoFlags = 1 << 0

// The parts of libvirt whose errors mean that nobody could be asked for permission.
const (
	FROM_DBUS   ErrorDomain = 47
	FROM_POLKIT ErrorDomain = 60
)

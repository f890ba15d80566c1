"""Ask the system's name service; the call may take long."""

import socket

#: Family, and the address as numbers.
Address = tuple[socket.AddressFamily, str]


def look_up(host: str) -> tuple[Address, ...]:
    """Return the addresses of ``host``.

    Raises:
        OSError: the name is not known, or nobody could be asked.
    """
    try:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        raise OSError(f"{host} cannot be looked up: {error}") from None
    # The numeric form keeps the zone of a link-local address, which the bare address lacks.
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return tuple((info[0], socket.getnameinfo(info[4], numeric)[0]) for info in infos)

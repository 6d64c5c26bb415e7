import CLinux

/// The memory of payload buffers, which come and go with every block and every READ.
package enum PayloadMemory {
    /// Lets the allocator keep freed buffers for the next ones.
    ///
    /// By default each buffer of 128 KiB and more is mapped anew and its pages are cleared, which
    /// costs more than the bytes themselves. To be called once, before other threads start.
    package static func keepFreedBuffers() { linux_keep_large_buffers() }

    /// Gives what was kept back to the kernel: nothing is transferred any more that needs it.
    ///
    /// Walks the whole heap, so it is not for an event loop.
    package static func giveBackFreedBuffers() { linux_give_back_freed_memory() }
}

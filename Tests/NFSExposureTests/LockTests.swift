import NFSProtocol
import ONCRPC
import Testing
import VirtualTree

@testable import NFSExposure

@Suite struct LockTableTests {
    private static let host = LockTable.Host(address: IPAddress(ipv4: 1), name: [1])
    private static let other = LockTable.Host(address: IPAddress(ipv4: 2), name: [1])
    private static let file = FakeTree().addDirectory("movies", route: 1).id

    private func lock(
        _ range: Range<UInt64>,
        exclusive: Bool = true,
        of process: UInt32 = 1,
        on host: LockTable.Host = host
    ) -> LockTable.Lock {
        LockTable.Lock(
            owner: LockTable.Owner(host: host, key: [7], process: process),
            isExclusive: exclusive,
            range: range
        )
    }

    @Test func sharedLocksMeetAndExclusiveOnesDoNot() {
        var table = LockTable()
        let shared = lock(0..<10, exclusive: false)
        #expect(table.lock(shared, on: Self.file, state: 1) == .granted)
        let second = lock(5..<15, exclusive: false, of: 2)
        #expect(table.lock(second, on: Self.file, state: 1) == .granted)
        let exclusive = lock(8..<9, of: 3)
        #expect(table.lock(exclusive, on: Self.file, state: 1) == .conflict(shared))
        let apart = lock(15..<16, of: 3)
        #expect(table.lock(apart, on: Self.file, state: 1) == .granted)
        #expect(
            table.conflict(with: lock(0..<100, exclusive: false, of: 4), on: Self.file) == apart
        )
    }

    @Test func anOwnersRangesAreCutAndTurned() {
        var table = LockTable()
        _ = table.lock(lock(0..<100), on: Self.file, state: 1)
        // From exclusive to shared in the middle; what is left on both sides stays.
        _ = table.lock(lock(40..<60, exclusive: false), on: Self.file, state: 1)
        #expect(table.count == 3)
        let reader = lock(45..<50, exclusive: false, of: 2)
        #expect(table.conflict(with: reader, on: Self.file) == nil)
        #expect(table.conflict(with: lock(39..<41, exclusive: false, of: 2), on: Self.file) != nil)
        table.unlock(10..<90, of: lock(0..<1).owner, on: Self.file)
        #expect(table.count == 2)
        #expect(table.conflict(with: lock(10..<90, of: 2), on: Self.file) == nil)
        #expect(table.conflict(with: lock(9..<10, of: 2), on: Self.file) != nil)
        #expect(table.conflict(with: lock(90..<91, of: 2), on: Self.file) != nil)
        table.unlock(0..<UInt64.max, of: lock(0..<1).owner, on: Self.file)
        #expect(table.count == 0)
    }

    @Test func lengthZeroIsToTheEnd() {
        #expect(LockTable.range(offset: 5, length: 0) == 5..<UInt64.max)
        #expect(LockTable.range(offset: 5, length: 6) == 5..<11)
        #expect(LockTable.range(offset: UInt64.max - 1, length: 6) == UInt64.max - 1..<UInt64.max)
    }

    @Test func aHostThatWasStartedAgainHoldsNothing() {
        var table = LockTable()
        _ = table.lock(lock(0..<10), on: Self.file, state: 1)
        _ = table.lock(lock(20..<30, on: Self.other), on: Self.file, state: 1)
        _ = table.lock(lock(50..<60), on: Self.file, state: 3)
        #expect(table.conflict(with: lock(0..<10, of: 2), on: Self.file) == nil)
        #expect(table.conflict(with: lock(20..<30, of: 2), on: Self.file) != nil)
        table.freeAll(of: Self.other)
        table.freeAll(of: Self.host)
        #expect(table.count == 0)
    }

    @Test func isBounded() {
        var table = LockTable()
        var outcome = LockTable.Outcome.granted
        var granted = 0
        while outcome == .granted, granted < 100_000 {
            let start = UInt64(granted) * 10
            outcome = table.lock(lock(start..<start + 5), on: Self.file, state: 1)
            granted += 1
        }
        #expect(outcome == .full)
        #expect(table.count <= LockTable.maximumLocksOfFile)
        // Cutting a hundred of them in two at the limit makes none more.
        for number in 0..<100 {
            let start = UInt64(number) * 10
            table.unlock(start + 1..<start + 2, of: lock(0..<1).owner, on: Self.file)
        }
        #expect(table.count <= LockTable.maximumLocksOfFile)
    }

    @Test func oneAddressLeavesRoomForOthers() {
        var table = LockTable()
        let tree = FakeTree()
        let directory = tree.addDirectory("movies", route: 1)
        func file(_ index: Int) -> FileID {
            tree.addFile([], index: UInt32(index), bytes: [], to: directory).id
        }
        var granted = 0
        for index in 0..<20 {
            let file = file(index)
            for number in 0..<500 {
                let start = UInt64(number) * 10
                let outcome = table.lock(lock(start..<start + 5), on: file, state: 1)
                if outcome == .granted { granted += 1 }
            }
        }
        #expect(granted == table.count && granted < LockTable.maximumLocksOfAddress)
        let other = lock(9000..<9001, on: Self.other)
        #expect(table.lock(other, on: file(0), state: 1) == .granted)
        // What it let go of, it may take again.
        table.freeAll(of: Self.host)
        #expect(table.count == 1)
        #expect(table.lock(lock(0..<1), on: file(0), state: 1) == .granted)
    }

    @Test func oneAddressHasSoManyNamesAndNoMore() {
        var table = LockTable()
        func outcome(_ name: Int) -> LockTable.Outcome {
            let host = LockTable.Host(address: Self.host.address, name: Array("\(name)".utf8))
            let range = UInt64(name)..<UInt64(name) + 1
            return table.lock(lock(range, on: host), on: Self.file, state: 1)
        }
        let outcomes = (0..<300).map(outcome)
        #expect(outcomes.count { $0 == .granted } == LockTable.maximumHostsOfAddress)
        #expect(outcomes.last == .full)
        let other = lock(900..<901, on: Self.other)
        #expect(table.lock(other, on: Self.file, state: 1) == .granted)
    }
}

@Suite struct LockTests {
    private func call<T: XDRDecodable>(
        _ client: RPCClient,
        _ procedure: NLM4Procedure,
        _ arguments: some XDREncodable,
        _ type: T.Type
    ) throws -> T {
        try client.request(
            program: ProgramNumber.nlm,
            version: 4,
            procedure.rawValue,
            arguments
        ).decode(type)
    }

    private func lock(_ handle: NFS3FileHandle, _ process: UInt32) -> NLM4Lock {
        NLM4Lock(
            callerName: Array("guest".utf8),
            file: handle,
            owner: Array("\(process)@guest".utf8),
            process: process,
            offset: 0,
            length: 0
        )
    }

    private func arguments(
        _ handle: NFS3FileHandle,
        _ process: UInt32,
        exclusive: Bool,
        blocks: Bool = false
    ) -> NLM4LockArguments {
        NLM4LockArguments(
            cookie: [5, 6],
            blocks: blocks,
            isExclusive: exclusive,
            lock: lock(handle, process),
            isReclaim: false,
            state: 3
        )
    }

    @Test func locksAndUnlocks() async throws {
        try await withServer { server in
            let client = try server.client()
            let file = try client.lookup("film.mkv", in: try client.mount("/torrents/movies"))
            func result(_ status: NLM4Status) -> NLM4Result {
                NLM4Result(cookie: [5, 6], status: status)
            }
            func lock(_ process: UInt32, exclusive: Bool, blocks: Bool = false) throws -> NLM4Result
            {
                let wanted = arguments(file, process, exclusive: exclusive, blocks: blocks)
                return try call(client, .lock, wanted, NLM4Result.self)
            }
            #expect(try lock(1, exclusive: false) == result(.granted))
            #expect(try lock(2, exclusive: false) == result(.granted))
            #expect(try lock(3, exclusive: true) == result(.denied))
            #expect(try lock(3, exclusive: true, blocks: true) == result(.blocked))
            let test = NLM4TestArguments(
                cookie: [5, 6],
                isExclusive: true,
                lock: self.lock(file, 1)
            )
            let holder = NLM4Holder(
                isExclusive: false,
                process: 2,
                owner: Array("2@guest".utf8),
                offset: 0,
                length: 0
            )
            #expect(
                try call(client, .test, test, NLM4TestResult.self)
                    == .denied(cookie: [5, 6], holder)
            )
            for process: UInt32 in [1, 2] {
                let unlock = NLM4UnlockArguments(cookie: [5, 6], lock: self.lock(file, process))
                #expect(try call(client, .unlock, unlock, NLM4Result.self) == result(.granted))
            }
            #expect(try lock(3, exclusive: true) == result(.granted))
            let notice = NLM4Notice(callerName: Array("guest".utf8), state: 0)
            _ = try call(client, .freeAll, notice, XDRVoid.self)
            #expect(try lock(1, exclusive: true) == result(.granted))
        }
    }

    @Test func locksNothingButFilesThatTheCallerMayRead() async throws {
        try await withServer { server in
            let client = try server.client()
            let directory = try client.mount("/torrents/movies")
            let forged = try #require(NFS3FileHandle([UInt8](repeating: 9, count: 48)))
            for handle in [directory, forged] {
                let wanted = arguments(handle, 1, exclusive: false)
                #expect(try call(client, .lock, wanted, NLM4Result.self).status == .stale)
            }
        }
    }

    @Test func tellsTheVersionItServes() async throws {
        try await withServer { server in
            let client = try server.client()
            let reply = try client.request(program: ProgramNumber.nlm, version: 1, 0, XDRVoid())
            #expect(reply.reply == .programMismatch(low: 4, high: 4))
            let callBack = try client.request(program: ProgramNumber.nlm, version: 4, 7, XDRVoid())
            #expect(callBack.reply == .procedureUnavailable)
        }
    }
}

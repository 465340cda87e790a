import Glibc
import TierContract

// The contract command as a program of its own, so that the tests can check plugins without the broker.
exit(ContractCommand.run(Array(CommandLine.arguments.dropFirst()), respawn: .thisProgram(prefix: [])))

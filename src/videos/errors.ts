/** No task has this id, or it is not for the caller to see. */
export class TaskNotFoundError extends Error {
  override readonly name = 'TaskNotFoundError';

  readonly taskId: string;

  constructor(taskId: string) {
    super(`There is no video task with the id ${JSON.stringify(taskId)}.`);
    this.taskId = taskId;
  }
}
